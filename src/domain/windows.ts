/** The windows of the UTC calendar that usage is grouped by. UTC has no leap seconds here, as in Unix time. */

import { DAY_MS, HOUR_MS } from './time.ts';

/** Stripe's `value_grouping_window`; a meter's `event_time_window` knows the same two. */
export type GroupingWindow = 'hour' | 'day';

/** How long a window is. */
export function windowMs(window: GroupingWindow): number {
  switch (window) {
    case 'hour':
      return HOUR_MS;
    case 'day':
      return DAY_MS;
  }
}

/** The start of the window that holds this moment, in ms since 1970; moments before 1970 are fine. */
export function windowStartMs(window: GroupingWindow, timestampMs: number): number {
  const lengthMs = windowMs(window);
  return Math.floor(timestampMs / lengthMs) * lengthMs;
}
