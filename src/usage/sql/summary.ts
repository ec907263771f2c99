/**
 * The queries behind a summary, as pure functions of what is asked.
 *
 * Whole hours come from `usage_hourly`. The ragged edges of a minute-aligned range, and every hour that has
 * a cancellation in it, come from `events` minus `cancellations`. Each hour is read from exactly one of the
 * two, so nothing is counted twice. Of months whose events are pruned, hours with a cancellation come from
 * `settled_hours`.
 *
 * ClickHouse spends most of a summary's time on planning, so a query is as small as its range allows: what is
 * not needed is left out, one source is read without a subquery, and times are compared as plain numbers.
 */
import type { GroupingWindow } from '../../domain/windows.ts';
import type { SummaryQuery } from '../usage-store.ts';
import type { Statement } from './statement.ts';
import { COLUMNS, FOLDS, SURVIVOR, toBounds, windowNumber } from './usage-parts.ts';

/** One row when the query has to look at cancellations at all; none when it need not. */
export function anyCancelledSql(query: SummaryQuery): Statement {
  return { sql: `SELECT 1 ${CANCELLED} LIMIT 1`, params: toParams(query) };
}

/**
 * Rows of (number of the window since 1970, value as decimal text), in the order and up to the limit that
 * the query asks for; without grouping, all is window 0. `anyCancelled`: whether `anyCancelledSql` had a row;
 * a cancellation that came after it is a later one. Events before `prunedBeforeMs` are not read.
 */
export function summarySql(
  query: SummaryQuery,
  anyCancelled: boolean,
  prunedBeforeMs: number,
): Statement {
  const { formula, eventTimeWindow, groupingWindow } = query;
  const order = query.order === 'newest_first' ? 'DESC' : 'ASC';
  const sources = toSources(query, anyCancelled, prunedBeforeMs);
  const rows = (time: string, part: string): string =>
    `${windowNumber(groupingWindow, time)} AS bucket, toString(${FOLDS[formula](part)}) AS folded`;
  const folded =
    eventTimeWindow === null
      ? selectFrom(sources, formula, rows)
      : `SELECT ${rows('timestamp', SURVIVOR[formula])} FROM (${survivors(sources, eventTimeWindow)})`;
  return {
    sql: `
      ${folded}
      GROUP BY bucket
      ORDER BY bucket ${order}
      LIMIT {limit:Integer}
      ${settingsFor(sources)}`,
    params: { ...toParams(query), prunedBefore: prunedBeforeMs },
  };
}

/** One of the tables with the rows to read of it: all after SELECT's columns. */
type Source = { readonly table: keyof typeof COLUMNS; readonly from: string };

const KEY = `namespace = {namespace:String} AND meter = {meter:String} AND customer = {customer:String}`;

/** Every cancellation in an hour that the range touches. */
const CANCELLED = `
  FROM cancellations
  WHERE ${KEY}
    AND timestamp >= fromUnixTimestamp64Milli({touchedFrom:Integer}, 'UTC')
    AND timestamp < fromUnixTimestamp64Milli({touchedTo:Integer}, 'UTC')`;

/** Whole hours, from the rollup. */
const FROM_ROLLUP = `
  FROM usage_hourly
  WHERE ${KEY}
    AND hour >= {wholeHoursFromS:Integer}
    AND hour < {wholeHoursToS:Integer}`;

/** Whole hours of pruned months that have a cancellation; one of which all was cancelled has no usage. */
const FROM_SETTLED = `
  FROM settled_hours FINAL
  WHERE ${KEY}
    AND hour >= {wholeHoursFromS:Integer}
    AND hour < {wholeHoursToS:Integer}
    AND hour < fromUnixTimestamp64Milli({prunedBefore:Integer}, 'UTC')
    AND count > 0`;

const NOT_DIRTY = `AND hour NOT IN (SELECT toStartOfHour(timestamp) ${CANCELLED})`;

/** What is left of the range, from the events. */
const FROM_EVENTS = `
  FROM events
  WHERE ${KEY}
    AND timestamp >= fromUnixTimestamp64Milli({readFrom:Integer}, 'UTC')
    AND timestamp < fromUnixTimestamp64Milli({readTo:Integer}, 'UTC')
    AND timestamp >= fromUnixTimestamp64Milli({prunedBefore:Integer}, 'UTC')`;

const AT_AN_EDGE = `(
      timestamp < fromUnixTimestamp64Milli({wholeHoursFrom:Integer}, 'UTC')
      OR timestamp >= fromUnixTimestamp64Milli({wholeHoursTo:Integer}, 'UTC'))`;

const AT_AN_EDGE_OR_DIRTY = `(
      ${AT_AN_EDGE} OR toStartOfHour(timestamp) IN (SELECT toStartOfHour(timestamp) ${CANCELLED}))
    AND sequence NOT IN (SELECT sequence ${CANCELLED})`;

/** There is always one: a range that is not empty has a whole hour or an edge. */
function toSources(
  query: SummaryQuery,
  anyCancelled: boolean,
  prunedBeforeMs: number,
): readonly Source[] {
  const { readFrom, readTo, wholeHoursFrom, wholeHoursTo } = toBounds(query);
  const sources: Source[] = [];
  if (wholeHoursFrom < wholeHoursTo) {
    sources.push({ table: 'rollup', from: `${FROM_ROLLUP} ${anyCancelled ? NOT_DIRTY : ''}` });
  }
  if (anyCancelled && readFrom < prunedBeforeMs) {
    sources.push({ table: 'settled', from: FROM_SETTLED });
  }
  if (anyCancelled) {
    sources.push({ table: 'events', from: `${FROM_EVENTS} AND ${AT_AN_EDGE_OR_DIRTY}` });
  } else if (readFrom < wholeHoursFrom || readTo > wholeHoursTo) {
    sources.push({ table: 'events', from: `${FROM_EVENTS} AND ${AT_AN_EDGE}` });
  }
  return sources;
}

/**
 * Of the rollup a summary reads one customer's rows, 24 a day: setting up threads and a second pass of
 * reading (PREWHERE), and looking for projections, takes longer than what they could save.
 */
function settingsFor(sources: readonly Source[]): string {
  if (sources.some(({ table }) => table !== 'rollup')) return '';
  return 'SETTINGS max_threads = 1, optimize_move_to_prewhere = 0, optimize_use_projections = 0';
}

/** SELECT over all rows of the sources, without what comes after WHERE; `columns` are told time and part. */
function selectFrom(
  sources: readonly Source[],
  part: Exclude<keyof (typeof COLUMNS)['events'], 'time'>,
  columns: (time: string, part: string) => string,
): string {
  const [only, ...others] = sources;
  if (only !== undefined && others.length === 0) {
    const of = COLUMNS[only.table];
    return `SELECT ${columns(of.time, of[part])} ${only.from}`;
  }
  const selects = sources.map(
    ({ table, from }) =>
      `SELECT ${COLUMNS[table].time} AS time, ${COLUMNS[table][part]} AS part ${from}`,
  );
  return `SELECT ${columns('time', 'part')} FROM (${selects.join(' UNION ALL ')})`;
}

/**
 * The last received, not cancelled event of each UTC window, standing at its own timestamp. Windows are read
 * whole, also where the range cuts them: what survives does not depend on who asks. Then the range is cut.
 */
function survivors(sources: readonly Source[], window: GroupingWindow): string {
  const ofWindows = selectFrom(
    sources,
    'lastReceived',
    (time, part) => `${windowNumber(window, time)} AS event_window, max(${part}) AS survivor`,
  );
  return `
    SELECT survivor.2 AS timestamp, survivor
    FROM (${ofWindows} GROUP BY event_window)
    WHERE timestamp >= fromUnixTimestamp64Milli({start:Integer}, 'UTC')
      AND timestamp < fromUnixTimestamp64Milli({end:Integer}, 'UTC')`;
}

function toParams(query: SummaryQuery): Statement['params'] {
  const { namespace, meterId: meter, customer, limit } = query;
  const bounds = toBounds(query);
  const wholeHoursFromS = bounds.wholeHoursFrom / 1000;
  const wholeHoursToS = bounds.wholeHoursTo / 1000;
  return { namespace, meter, customer, limit, wholeHoursFromS, wholeHoursToS, ...bounds };
}
