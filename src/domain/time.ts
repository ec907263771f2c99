/** Units of time, and from one to another. */

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Whole seconds, rounded down: what Stripe's v1 API calls a timestamp. */
export function toSeconds(timeMs: number): number {
  return Math.floor(timeMs / SECOND_MS);
}
