/** Failures in a row that may be of single events, and hold up no other. */
const FREE_FAILURES = 2;
const FIRST_PAUSE_MS = 1000;
const PAUSE_MAX_MS = 60_000;

/**
 * How long a lane rests after so many failures in a row. A destination that is down is asked once a minute, however
 * much waits for it: ten thousand refused connections would cost seconds of the thread that meters.
 */
export function pauseMs(failures: number): number {
  if (failures <= FREE_FAILURES) return 0;
  return Math.min(FIRST_PAUSE_MS * 2 ** (failures - FREE_FAILURES - 1), PAUSE_MAX_MS);
}
