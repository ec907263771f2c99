/** What all queries over rollup and events have in common: the columns, the folds, and which range is read of which. */
import { windowMs, windowStartMs, type GroupingWindow } from '../../domain/windows.ts';
import type { SummaryQuery } from '../usage-store.ts';

/** `hour` columns are 32-bit seconds: this is the last whole hour they can name. Nothing is stored after it. */
export const LAST_HOUR_MS = 4_294_964_400_000;

const OF_AN_HOUR = {
  time: 'hour',
  count: 'count',
  sum: 'sum',
  last: 'last',
  lastReceived: 'last_received',
} as const;

/** What a summary reads of a row. An hour's row stands at its hour, which is in the range as a whole. */
export const COLUMNS = {
  rollup: OF_AN_HOUR,
  settled: OF_AN_HOUR,
  events: {
    time: 'timestamp',
    count: 'toUInt64(1)',
    sum: 'toDecimal256(value, 12)',
    last: '(timestamp, sequence, value)',
    lastReceived: '(sequence, timestamp, value)',
  },
} as const;

export const FOLDS = {
  sum: (part: string) => `sum(${part})`,
  count: (part: string) => `sum(${part})`,
  last: (part: string) => `max(${part}).3`,
} as const;

/** The columns of COLUMNS, of a survivor (sequence, timestamp, value). */
export const SURVIVOR = {
  count: 'toUInt64(1)',
  sum: 'toDecimal256(survivor.3, 12)',
  last: '(survivor.2, survivor.1, survivor.3)',
} as const;

export function windowNumber(window: GroupingWindow | null, time: string): string {
  return window === null ? '0' : `intDiv(toUnixTimestamp(${time}), ${windowMs(window) / 1000})`;
}

/** All in milliseconds, half open. */
export type Bounds = {
  /** The range that was asked for. */
  readonly start: number;
  readonly end: number;
  /** The same, widened to whole windows where the meter has an `event_time_window`. */
  readonly readFrom: number;
  readonly readTo: number;
  /** The whole hours in what is read; empty when there are none. */
  readonly wholeHoursFrom: number;
  readonly wholeHoursTo: number;
  /** Every hour that what is read touches. */
  readonly touchedFrom: number;
  readonly touchedTo: number;
};

/** Whether nothing that is stored can be in the range: then there is no query for it. */
export function isPastAll({ startMs }: Pick<SummaryQuery, 'startMs'>): boolean {
  return startMs >= LAST_HOUR_MS;
}

/** Of a range that begins before the last hour. */
export function toBounds(
  query: Pick<SummaryQuery, 'startMs' | 'endMs' | 'eventTimeWindow'>,
): Bounds {
  const start = Math.max(query.startMs, 0);
  const end = Math.min(query.endMs, LAST_HOUR_MS);
  const window = query.eventTimeWindow;
  const readFrom = window === null ? start : windowStartMs(window, start);
  const readTo = window === null ? end : windowEndMs(window, end);
  const wholeHoursFrom = windowEndMs('hour', readFrom);
  return {
    start,
    end,
    readFrom,
    readTo,
    wholeHoursFrom,
    // A range inside one hour would end before it begins: all of it is edge.
    wholeHoursTo: Math.max(wholeHoursFrom, windowStartMs('hour', readTo)),
    touchedFrom: windowStartMs('hour', readFrom),
    touchedTo: windowEndMs('hour', readTo),
  };
}

/** The end of the window that holds the last moment before `timestampMs`. */
function windowEndMs(window: GroupingWindow, timestampMs: number): number {
  return windowStartMs(window, timestampMs + windowMs(window) - 1);
}
