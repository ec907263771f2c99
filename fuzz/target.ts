/** What can be fuzzed in this process: a reader of what comes from outside, with what must be true of it. */
import assert from 'node:assert/strict';
import { ApiError } from '../src/domain/errors.ts';
import type { Random } from '../test/support/random.ts';

export type Target<T = unknown> = {
  readonly name: string;
  /** Inputs that reach deep, to begin with. */
  readonly corpus: readonly string[];
  /** What mutations put in. */
  readonly tokens: readonly string[];
  /** Makes inputs that are well-formed: every other one is made, the rest are mutated. */
  readonly generate?: (random: Random) => string;
  /** The longest input that can come, if not as much as a body. */
  readonly lengthMax?: number;
  /** What is tested, and nothing else: this is what is timed. It may throw an ApiError. */
  read(input: string): T;
  /**
   * Throws when what was read is not as it must be. Returns how it came out, in few different words: an input with a
   * new outcome is kept and mutated further.
   */
  check(input: string, read: T): string;
};

/** The outcome of a refusal; anything else that is thrown is a finding. */
export function refusalOf(error: unknown): string {
  if (!(error instanceof ApiError)) throw error;
  const { reason, message, param = '' } = error;
  for (const version of ['v1', 'v2'] as const) {
    const { status } = error.toWire(version);
    assert.ok(status >= 400 && status < 500, `${reason} is a ${status}`);
  }
  // A refusal repeats some of what was sent, but not all of it, and it can be encoded.
  assert.ok(message.length < 1_000 && param.length < 500, `a long refusal: ${message.length}`);
  assert.ok(message.isWellFormed() && param.isWellFormed(), 'a refusal with half a character');
  return `${reason} ${/^\w*/u.exec(message)?.[0]} ${param === ''}`;
}
