/**
 * What a command says to the person at the terminal: the one place that prints. Much of it comes from elsewhere (a server's
 * words, an event's type, a key's name), and a terminal obeys some characters: none of these reaches it.
 */
import { inspect } from 'node:util';
import { redactSecrets } from './redact.ts';
import { StartupError } from './startup-error.ts';

/**
 * C0 and C1 controls, DEL, separators of lines, and marks that turn the direction of text (UAX #9). Line feeds too: what
 * comes from elsewhere makes no lines of its own.
 */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/** The text on one line, as it may be shown on any terminal. Such characters are written as JSON would: it stays the same JSON. */
export function toTerminal(text: string): string {
  return text.replaceAll(UNSAFE, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, '0');
    return `\\u${code}`;
  });
}

/** Says each on a line of its own, on stdout, where a secret may be shown on purpose. */
export function print(...lines: readonly string[]): void {
  for (const line of lines) console.log(toTerminal(line));
}

/** The same on stderr. */
export function printError(...lines: readonly string[]): void {
  for (const line of lines) console.error(toTerminal(redactSecrets(line)));
}

/** Says on stderr why a command has failed: a StartupError on one line, anything else with its stack. No secret is shown. */
export function printFailure(error: unknown): void {
  printError(...(error instanceof StartupError ? [error.message] : inspect(error).split('\n')));
}
