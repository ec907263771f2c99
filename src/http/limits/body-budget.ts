import { ApiError } from '../../domain/errors.ts';

/** Bodies are bounded each; this bounds what all of them may take at once (P10). */
const BYTES_MAX = 512 * 1024 * 1024;

/** Counts the bytes of the bodies that are being received or answered. */
export class BodyBudget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** For one request, which has to give back what it took. */
  open(): BodyShare {
    return new BodyShare(this);
  }

  take(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) {
      // What is received is answered in milliseconds: there is room again within the least that can be said, a second.
      throw new ApiError(
        'rate_limit',
        'Too much is being received at once. Try again a little later.',
      );
    }
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

export class BodyShare {
  readonly #budget: BodyBudget;
  #bytes = 0;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  /** Throws ApiError `rate_limit` when all bodies together would be too much. */
  take(bytes: number): void {
    this.#budget.take(bytes);
    this.#bytes += bytes;
  }

  /** Gives back everything. */
  close(): void {
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
  }
}
