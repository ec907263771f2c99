/**
 * The one query behind a summary, as a pure function of what is asked.
 *
 * Whole hours come from `usage_hourly`. The ragged edges of a minute-aligned range, and every hour that has
 * a cancellation in it, come from `events` minus `cancellations`. Each hour is read from exactly one of the
 * two, so nothing is counted twice.
 *
 * Values are bound, never pasted: `sql` holds only names that this file chose.
 */
import type { SummaryQuery } from '../usage-store.ts';
import type { Statement } from './statement.ts';
import { windowMs, windowStartMs, type GroupingWindow } from '../../summaries/windows.ts';

const KEY = `namespace = {namespace:String} AND meter = {meter:String} AND customer = {customer:String}`;

/** `hour` columns are 32-bit seconds: this is the last whole hour they can name. Nothing is stored after it. */
const LAST_HOUR_MS = 4_294_964_400_000;

/** Rows of (start in ms, value as decimal text), in the order and up to the limit that the query asks for. */
export function summarySql(query: SummaryQuery): Statement {
  const startMs = Math.max(query.startMs, 0);
  const endMs = Math.min(query.endMs, LAST_HOUR_MS);
  const order = query.order === 'newest_first' ? 'DESC' : 'ASC';
  const usage = query.eventTimeWindow === null ? everyEvent() : survivors(query.eventTimeWindow);
  const [readFromMs, readToMs] =
    query.eventTimeWindow === null
      ? [startMs, endMs]
      : wholeWindows(query.eventTimeWindow, startMs, endMs);
  return {
    sql: `
      SELECT ${bucket(query.groupingWindow)} AS bucket, toString(${FOLDS[query.formula]}) AS value
      FROM (${usage})
      WHERE timestamp >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
        AND timestamp < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
      GROUP BY bucket
      ORDER BY bucket ${order}
      LIMIT {limit:UInt32}`,
    params: {
      namespace: query.namespace,
      meter: query.meterId,
      customer: query.customer,
      start: startMs,
      end: endMs,
      ...hourBounds(readFromMs, readToMs),
      readFrom: readFromMs,
      readTo: readToMs,
      limit: query.limit,
    },
  };
}

/** Over the columns of `everyEvent` and `survivors`. */
const FOLDS = {
  sum: 'sum(sum)',
  count: 'sum(count)',
  last: 'max(last).3',
} as const;

const CANCELLED = `
  FROM cancellations
  WHERE ${KEY}
    AND timestamp >= fromUnixTimestamp64Milli({wholeHoursFrom:Int64} - 3600000, 'UTC')
    AND timestamp < fromUnixTimestamp64Milli({wholeHoursTo:Int64} + 3600000, 'UTC')`;

/** Whole hours without a cancellation, from the rollup. */
const FROM_ROLLUP = `
  FROM usage_hourly
  WHERE ${KEY}
    AND hour >= fromUnixTimestamp64Milli({wholeHoursFrom:Int64}, 'UTC')
    AND hour < fromUnixTimestamp64Milli({wholeHoursTo:Int64}, 'UTC')
    AND hour NOT IN (SELECT toStartOfHour(timestamp) ${CANCELLED})`;

/** Everything else in the range, from the events. */
const FROM_EVENTS = `
  FROM events
  WHERE ${KEY}
    AND timestamp >= fromUnixTimestamp64Milli({readFrom:Int64}, 'UTC')
    AND timestamp < fromUnixTimestamp64Milli({readTo:Int64}, 'UTC')
    AND (
      timestamp < fromUnixTimestamp64Milli({wholeHoursFrom:Int64}, 'UTC')
      OR timestamp >= fromUnixTimestamp64Milli({wholeHoursTo:Int64}, 'UTC')
      OR toStartOfHour(timestamp) IN (SELECT toStartOfHour(timestamp) ${CANCELLED})
    )
    AND sequence NOT IN (SELECT sequence ${CANCELLED})`;

/** A rollup row stands at its hour, which is in the range as a whole. */
function everyEvent(): string {
  return `
    SELECT toDateTime64(hour, 3, 'UTC') AS timestamp, count, sum, last ${FROM_ROLLUP}
    UNION ALL
    SELECT timestamp, toUInt64(1) AS count, toDecimal256(value, 12) AS sum,
      (timestamp, sequence, value) AS last ${FROM_EVENTS}`;
}

/**
 * The last received, not cancelled event of each UTC window, standing at its own timestamp. Windows are read
 * whole, also where the range cuts them: what survives does not depend on who asks.
 */
function survivors(window: GroupingWindow): string {
  return `
    SELECT survivor.2 AS timestamp, toUInt64(1) AS count, toDecimal256(survivor.3, 12) AS sum,
      (survivor.2, survivor.1, survivor.3) AS last
    FROM (
      SELECT max(last_received) AS survivor
      FROM (
        SELECT ${START_OF[window]}(hour, 'UTC') AS window, last_received ${FROM_ROLLUP}
        UNION ALL
        SELECT ${START_OF[window]}(timestamp, 'UTC') AS window,
          (sequence, timestamp, value) AS last_received ${FROM_EVENTS}
      )
      GROUP BY window
    )`;
}

const START_OF = { hour: 'toStartOfHour', day: 'toStartOfDay' } as const;

function bucket(window: GroupingWindow | null): string {
  if (window === null) return '{start:Int64}';
  return `toInt64(toUnixTimestamp(${START_OF[window]}(timestamp, 'UTC'))) * 1000`;
}

function wholeWindows(window: GroupingWindow, startMs: number, endMs: number): [number, number] {
  return [windowStartMs(window, startMs), windowStartMs(window, endMs + windowMs(window) - 1)];
}

/** The whole hours in a range; an empty one, at the range's start, when there are none. */
function hourBounds(
  fromMs: number,
  toMs: number,
): { wholeHoursFrom: number; wholeHoursTo: number } {
  const from = windowStartMs('hour', fromMs + windowMs('hour') - 1);
  const to = windowStartMs('hour', toMs);
  // A range inside one hour has `from` after `to`: all of it is edge.
  return from < to
    ? { wholeHoursFrom: from, wholeHoursTo: to }
    : { wholeHoursFrom: from, wholeHoursTo: from };
}
