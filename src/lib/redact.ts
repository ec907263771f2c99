/** What may be shown of a key. Whoever mixes up two fields must not find a secret in an answer or in a log. */
const KEY_PREFIX = /^(?:sk|rk|pk)_(?:test|live)_/;
/** Publishable keys are no secret. Session tokens: api/stream/create-meter-event-session.ts. */
const SECRETS = /\b(?:[sr]k_(?:test|live)_[\w.~-]{16,}|(?:token|whsec)_\w{32,})/g;

export function looksLikeKey(secret: string): boolean {
  return KEY_PREFIX.test(secret);
}

/** Its kind and mode, and the last four characters when the rest stays secret; always well-formed Unicode. */
export function redact(secret: string): string {
  const kind = KEY_PREFIX.exec(secret)?.[0] ?? '';
  const rest = secret.slice(kind.length);
  return `${kind}****${rest.length >= 16 ? rest.slice(-4).toWellFormed() : ''}`;
}

/** A text with what looks like a secret redacted. */
export function redactSecrets(text: string): string {
  return text.replace(SECRETS, redact);
}
