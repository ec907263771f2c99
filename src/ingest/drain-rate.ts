/**
 * How fast the backlog goes into the usage store, as its inserts tell: what a client is told to wait that finds no room. Times
 * are milliseconds of a clock that only goes forward.
 */

/** What the newest insert counts for, the others together the rest: an estimate follows a store that slows down in a few. */
const NEWEST_PART = 0.3;
/** Stripe's SDKs take no longer waits than a minute. */
export const RETRY_AFTER_S_MAX = 60;

export class DrainRate {
  #bytesPerMs: number | undefined;
  #running: { readonly bytes: number; readonly sinceMs: number } | undefined;
  #failingSinceMs: number | undefined;

  /** An insert of so many bytes begins. */
  began(bytes: number, nowMs: number): void {
    this.#running = { bytes, sinceMs: nowMs };
  }

  /** It is done, and what it held is no backlog any more. */
  ended(nowMs: number): void {
    const { bytes = 0, sinceMs = nowMs } = this.#running ?? {};
    const rate = bytes / Math.max(1, nowMs - sinceMs);
    const before = this.#bytesPerMs ?? rate;
    this.#bytesPerMs = before + (rate - before) * NEWEST_PART;
    this.#running = undefined;
    this.#failingSinceMs = undefined;
  }

  /** It failed, and will be tried again. */
  failed(nowMs: number): void {
    this.#running = undefined;
    this.#failingSinceMs ??= nowMs;
  }

  /**
   * In how many seconds the backlog has probably lost `excessBytes`: 1 to 60. An insert frees all that it holds at its end, so
   * it is waited for. A store that fails is given as long again as it has failed: nothing says when it stops.
   */
  secondsToRoom(excessBytes: number, nowMs: number): number {
    return Math.min(
      RETRY_AFTER_S_MAX,
      Math.max(1, Math.ceil(this.#msToRoom(excessBytes, nowMs) / 1000)),
    );
  }

  #msToRoom(excessBytes: number, nowMs: number): number {
    if (this.#failingSinceMs !== undefined) return nowMs - this.#failingSinceMs;
    const { bytes = 0, sinceMs = nowMs } = this.#running ?? {};
    const doneMs = nowMs - sinceMs;
    // Of the first insert nothing is known but for how long it has run.
    if (this.#bytesPerMs === undefined) return doneMs;
    const wholeMs = Math.max(bytes, excessBytes) / this.#bytesPerMs;
    // One that is late may take as long again.
    return wholeMs > doneMs ? wholeMs - doneMs : doneMs;
  }
}
