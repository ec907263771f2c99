/**
 * Slows down who tries keys: after so many wrong ones in a minute, an address is refused without a look at what it
 * brings, so that it does not learn of a right one either.
 *
 * Many clients may share an address (a proxy, an office). So a key that has opened something from there before goes
 * on to do so: one client with a wrong key, or an attacker, locks out nobody who is at work.
 */
import { ApiError } from '../../domain/errors.ts';

const WINDOW_MS = 60_000;
/** Bounds of memory (P10), some 20 MB: past them the oldest address is forgotten, or all that is trusted. */
export const ADDRESSES_MAX = 10_000;
export const TRUSTED_MAX = 100_000;

type Failures = { count: number; readonly sinceMs: number };

export class Guesses {
  readonly #failuresMax: number;
  readonly #failures = new Map<string, Failures>();
  /** By address, the hashes of the keys that were right. */
  readonly #trusted = new Map<string, Set<string>>();
  #trustedCount = 0;

  /** 0: nobody is slowed down. */
  constructor(failuresMax: number) {
    this.#failuresMax = failuresMax;
  }

  /** Throws `too_many_failures` for an address that has tried too many, unless this key was right there before. */
  refuse(address: string, hash: string, nowMs: number): void {
    if (this.#failures.size === 0) return;
    const failures = this.#current(address, nowMs);
    if (failures === undefined || failures.count < this.#failuresMax) return;
    if (this.#trusted.get(address)?.has(hash)) return;
    throw new ApiError(
      'too_many_failures',
      'Too many requests with invalid keys came from this address. Try again later.',
      undefined,
      Math.ceil((failures.sinceMs + WINDOW_MS - nowMs) / 1000),
    );
  }

  /** Counts a wrong key. */
  count(address: string, nowMs: number): void {
    if (this.#failuresMax === 0) return;
    const failures = this.#current(address, nowMs);
    if (failures !== undefined) {
      failures.count += 1;
      return;
    }
    if (this.#failures.size === ADDRESSES_MAX) dropOldest(this.#failures);
    this.#failures.set(address, { count: 1, sinceMs: nowMs });
  }

  /** Remembers a right key. */
  trust(address: string, hash: string): void {
    if (this.#failuresMax === 0 || this.#trusted.get(address)?.has(hash)) return;
    if (this.#trustedCount === TRUSTED_MAX) this.#forgetTrusted();
    this.#trustedCount += 1;
    const hashes = this.#trusted.get(address);
    if (hashes === undefined) this.#trusted.set(address, new Set([hash]));
    else hashes.add(hash);
  }

  /** What an address has failed in its minute; a clock that is set back begins another. */
  #current(address: string, nowMs: number): Failures | undefined {
    const failures = this.#failures.get(address);
    if (failures === undefined) return undefined;
    const age = nowMs - failures.sinceMs;
    if (age >= 0 && age < WINDOW_MS) return failures;
    this.#failures.delete(address);
    return undefined;
  }

  /** Those at work are trusted again with their next request. */
  #forgetTrusted(): void {
    this.#trusted.clear();
    this.#trustedCount = 0;
  }
}

function dropOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
