/** What counts as a character of a text that was sent, and how a refusal shows such a text. */

/**
 * Limits count code points, as people count characters: an emoji is one, of two UTF-16 units and four bytes. So a text of
 * 100 characters has 400 bytes at most.
 */
export function charactersIn(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Whether a text has more characters than `max`; nearly always its length says so. */
export function isLonger(text: string, max: number): boolean {
  return text.length > max && (text.length > 2 * max || charactersIn(text) > max);
}

/** A text may be as long as the body; what a refusal repeats of it may not. */
const SHOWN_MAX = 200;

/** The beginning of a text, as it was sent, with a mark when more follows. */
export function beginning(sent: string): string {
  // The cut may halve a character.
  return sent.length <= SHOWN_MAX ? sent : `${sent.slice(0, SHOWN_MAX).toWellFormed()}…`;
}

/** The beginning of a text, with what cannot be seen escaped; no longer for that. */
export function shown(sent: string): string {
  return beginning(escapeInvisible(beginning(sent)));
}

/** What was sent, in quotes, so that blanks at its ends are seen. */
export function quoted(sent: string): string {
  return `"${shown(sent.slice(0, SHOWN_MAX + 1).replaceAll(/["\\]/gu, String.raw`\$&`))}"`;
}

/** Bare, as Stripe's texts have it, unless that would hide a blank at an end or what cannot be seen, or all: then in quotes. */
export function bareOrQuoted(sent: string): string {
  const hides = sent === '' || sent.trim() !== sent || escapeInvisible(sent) !== sent;
  return hides ? quoted(sent) : shown(sent);
}

/** Controls, formats, blanks but the space, halves of characters, and what shows nothing by another rule. */
const INVISIBLE = /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const PLAIN = /^[\x20-\x7e]*$/u;

/** `\u00a0` for a no-break space, and so on: what a reader could not see. */
export function escapeInvisible(text: string): string {
  return PLAIN.test(text) ? text : text.replaceAll(INVISIBLE, toEscape);
}

function toEscape(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}
