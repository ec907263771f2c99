/**
 * Time is passed in. Rules take milliseconds or seconds as arguments; shells hold a Clock. This file
 * is the only one that may ask the machine what time it is (the linter sees to that).
 */
export type Clock = {
  /** Milliseconds since 1970-01-01T00:00:00Z, an integer. */
  nowMs(): number;
};

export const systemClock: Clock = { nowMs: () => Date.now() };

/** As HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7). */
export function toHttpDate(timeMs: number): string {
  return new Date(timeMs).toUTCString();
}
