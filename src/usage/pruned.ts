import { HOUR_MS } from '../domain/time.ts';
import { ApiError } from '../domain/errors.ts';
import { formatRfc3339 } from '../domain/rfc3339.ts';
import { windowStartMs } from '../domain/windows.ts';
import type { SummaryQuery } from './usage-store.ts';

/** `2026-01-01` */
export function dateOf(timeMs: number): string {
  return formatRfc3339(timeMs).slice(0, 10);
}

/**
 * Throws ApiError `parameter_invalid` when a summary would need single events that are pruned: it begins or ends within an
 * hour. With an `event_time_window` it does not, since windows are read whole.
 */
export function refuseRagged(query: SummaryQuery, prunedBeforeMs: number): void {
  if (query.eventTimeWindow !== null) return;
  for (const [param, timeMs] of [
    ['start_time', query.startMs],
    ['end_time', query.endMs],
  ] as const) {
    if (timeMs >= prunedBeforeMs || timeMs % HOUR_MS === 0) continue;
    throw new ApiError(
      'parameter_invalid',
      `Invalid ${param}: events before ${dateOf(prunedBeforeMs)} were pruned, and what is kept of them is by the ` +
        `hour. Before that, it must be a multiple of 3600 seconds, and is ${timeMs / 1000}. The nearest are ` +
        `${windowStartMs('hour', timeMs) / 1000} and ${(windowStartMs('hour', timeMs) + HOUR_MS) / 1000}.`,
      param,
    );
  }
}
