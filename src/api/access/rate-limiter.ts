/** Bounds the requests of each key: a bucket of one second's worth, which fills evenly and pays for bursts. */
import { ApiError } from '../../domain/errors.ts';

type Bucket = { tokens: number; atMs: number };

export class KeyRates {
  readonly #perSecond: number;
  /** By key: there are as many as keys in use. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Throws `key_rate_limit` when the key has none left; a refusal costs none. */
  take(keyId: string, nowMs: number): void {
    const bucket = this.#filled(keyId, nowMs);
    if (bucket.tokens < 1) {
      throw new ApiError(
        'key_rate_limit',
        `Request rate limit exceeded: at most ${this.#perSecond} a second with one key.`,
        undefined,
        // A second, as a bucket has its next request within one: Retry-After knows no less.
        Math.ceil((1 - bucket.tokens) / this.#perSecond),
      );
    }
    bucket.tokens -= 1;
  }

  #filled(keyId: string, nowMs: number): Bucket {
    let bucket = this.#buckets.get(keyId);
    if (bucket === undefined) {
      bucket = { tokens: this.#perSecond, atMs: nowMs };
      this.#buckets.set(keyId, bucket);
    }
    // A clock that is set back gives nothing, and takes nothing.
    const gained = (Math.max(0, nowMs - bucket.atMs) / 1000) * this.#perSecond;
    bucket.tokens = Math.min(this.#perSecond, bucket.tokens + gained);
    bucket.atMs = nowMs;
    return bucket;
  }
}
