/**
 * The queries behind a summary, as pure functions of what is asked.
 *
 * Whole hours come from `usage_hourly`. The ragged edges of a minute-aligned range, and every hour that has
 * a cancellation in it, come from `events` minus `cancellations`. Each hour is read from exactly one of the
 * two, so nothing is counted twice. What a range does not need is left out of its query: ClickHouse spends
 * most of a summary's time on planning.
 *
 * Values are bound, never pasted: `sql` holds only names that this file chose.
 */
import { windowMs, windowStartMs, type GroupingWindow } from '../../summaries/windows.ts';
import type { SummaryQuery } from '../usage-store.ts';
import type { Statement } from './statement.ts';

/** `hour` columns are 32-bit seconds: this is the last whole hour they can name. Nothing is stored after it. */
const LAST_HOUR_MS = 4_294_964_400_000;

/** One row when the query has to look at cancellations at all; none when it need not. */
export function anyCancelledSql(query: SummaryQuery): Statement {
  return { sql: `SELECT 1 ${CANCELLED} LIMIT 1`, params: toParams(query) };
}

/**
 * Rows of (start in ms, value as decimal text), in the order and up to the limit that the query asks for.
 * `anyCancelled`: whether `anyCancelledSql` had a row; a cancellation that came after it is a later one.
 */
export function summarySql(query: SummaryQuery, anyCancelled: boolean): Statement {
  const order = query.order === 'newest_first' ? 'DESC' : 'ASC';
  const sources = toSources(query, anyCancelled);
  const usage =
    query.eventTimeWindow === null
      ? everyEvent(sources)
      : survivors(query.eventTimeWindow, sources);
  return {
    sql: `
      SELECT ${bucket(query.groupingWindow)} AS bucket, toString(${FOLDS[query.formula]}) AS value
      FROM (${usage})
      GROUP BY bucket
      ORDER BY bucket ${order}
      LIMIT {limit:UInt32}`,
    params: toParams(query),
  };
}

/** Over the columns of `everyEvent` and `survivors`. */
const FOLDS = {
  sum: 'sum(sum)',
  count: 'sum(count)',
  last: 'max(last).3',
} as const;

const KEY = `namespace = {namespace:String} AND meter = {meter:String} AND customer = {customer:String}`;

/** Every cancellation in an hour that the range touches. */
const CANCELLED = `
  FROM cancellations
  WHERE ${KEY}
    AND timestamp >= fromUnixTimestamp64Milli({touchedFrom:Int64}, 'UTC')
    AND timestamp < fromUnixTimestamp64Milli({touchedTo:Int64}, 'UTC')`;

/** Whole hours, from the rollup. */
const FROM_ROLLUP = `
  FROM usage_hourly
  WHERE ${KEY}
    AND hour >= fromUnixTimestamp64Milli({wholeHoursFrom:Int64}, 'UTC')
    AND hour < fromUnixTimestamp64Milli({wholeHoursTo:Int64}, 'UTC')`;

const NOT_DIRTY = `AND hour NOT IN (SELECT toStartOfHour(timestamp) ${CANCELLED})`;

/** What is left of the range, from the events. */
const FROM_EVENTS = `
  FROM events
  WHERE ${KEY}
    AND timestamp >= fromUnixTimestamp64Milli({readFrom:Int64}, 'UTC')
    AND timestamp < fromUnixTimestamp64Milli({readTo:Int64}, 'UTC')`;

const AT_AN_EDGE = `(
      timestamp < fromUnixTimestamp64Milli({wholeHoursFrom:Int64}, 'UTC')
      OR timestamp >= fromUnixTimestamp64Milli({wholeHoursTo:Int64}, 'UTC'))`;

const AT_AN_EDGE_OR_DIRTY = `(
      ${AT_AN_EDGE} OR toStartOfHour(timestamp) IN (SELECT toStartOfHour(timestamp) ${CANCELLED}))
    AND sequence NOT IN (SELECT sequence ${CANCELLED})`;

/** What to read of each side; undefined: nothing. */
type Sources = { readonly rollup: string | undefined; readonly events: string | undefined };

function toSources(query: SummaryQuery, anyCancelled: boolean): Sources {
  const { readFrom, readTo, wholeHoursFrom, wholeHoursTo } = toBounds(query);
  const hasWholeHours = wholeHoursFrom < wholeHoursTo;
  const hasEdges = readFrom < wholeHoursFrom || readTo > wholeHoursTo;
  if (anyCancelled) {
    return {
      rollup: hasWholeHours ? `${FROM_ROLLUP} ${NOT_DIRTY}` : undefined,
      events: `${FROM_EVENTS} AND ${AT_AN_EDGE_OR_DIRTY}`,
    };
  }
  return {
    rollup: hasWholeHours ? FROM_ROLLUP : undefined,
    events: hasEdges ? `${FROM_EVENTS} AND ${AT_AN_EDGE}` : undefined,
  };
}

/** A rollup row stands at its hour, which is in the range as a whole. */
function everyEvent({ rollup, events }: Sources): string {
  return unionAll(
    rollup && `SELECT hour AS timestamp, count, sum, last ${rollup}`,
    events &&
      `SELECT timestamp, toUInt64(1) AS count, toDecimal256(value, 12) AS sum,
        (timestamp, sequence, value) AS last ${events}`,
  );
}

/**
 * The last received, not cancelled event of each UTC window, standing at its own timestamp. Windows are read
 * whole, also where the range cuts them: what survives does not depend on who asks. Then the range is cut.
 */
function survivors(window: GroupingWindow, { rollup, events }: Sources): string {
  const received = unionAll(
    rollup && `SELECT ${START_OF[window]}(hour, 'UTC') AS window, last_received ${rollup}`,
    events &&
      `SELECT ${START_OF[window]}(timestamp, 'UTC') AS window,
        (sequence, timestamp, value) AS last_received ${events}`,
  );
  return `
    SELECT survivor.2 AS timestamp, toUInt64(1) AS count, toDecimal256(survivor.3, 12) AS sum,
      (survivor.2, survivor.1, survivor.3) AS last
    FROM (SELECT max(last_received) AS survivor FROM (${received}) GROUP BY window)
    WHERE timestamp >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
      AND timestamp < fromUnixTimestamp64Milli({end:Int64}, 'UTC')`;
}

/** There is always one: a range that is not empty has a whole hour or an edge. */
function unionAll(...selects: readonly (string | undefined)[]): string {
  return selects.filter((select) => select !== undefined).join(' UNION ALL ');
}

const START_OF = { hour: 'toStartOfHour', day: 'toStartOfDay' } as const;

function bucket(window: GroupingWindow | null): string {
  if (window === null) return '{start:Int64}';
  return `toInt64(toUnixTimestamp(${START_OF[window]}(timestamp, 'UTC'))) * 1000`;
}

function toParams(query: SummaryQuery): Statement['params'] {
  const { namespace, meterId: meter, customer, limit } = query;
  return { namespace, meter, customer, limit, ...toBounds(query) };
}

/** All in milliseconds, half open. */
type Bounds = {
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

function toBounds(query: SummaryQuery): Bounds {
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
