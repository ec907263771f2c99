/**
 * The rollup against the events: both sides are laid on top of each other and grouped by hour, so that an hour that only one
 * of them has counts as a difference too.
 */
import { HOUR_MS } from '../../domain/time.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { AuditRange, HourDifference } from '../usage-store.ts';
import type { Statement } from './statement.ts';

/** The last whole hour that the rollup can name. */
const END_MS = 4_294_964_400_000;

/** One row of text: (events, hours, hours in which rollup and events differ). */
export function auditSql(range: AuditRange): Statement {
  return {
    sql: `SELECT toString(sum(raw.1)), toString(count()), toString(countIf(raw != rollup)) FROM (${HOURS(range)})`,
    params: toParams(range),
  };
}

/** A row of `firstDifferenceSql`. Both sides: count, sum, last, last received. */
export type DifferenceRow = [
  namespace: Namespace,
  meterId: string,
  customer: string,
  hourS: number,
  raw: [string, string, string, string],
  rollup: [string, string, string, string],
];

/** The first hour that differs: none or one row. */
export function firstDifferenceSql(range: AuditRange): Statement {
  const figures = (side: string): string =>
    `tuple(toString(${side}.1), toString(${side}.2), toString(${side}.3), toString(${side}.4))`;
  return {
    sql: `
      SELECT namespace, meter, customer, toUnixTimestamp(hour), ${figures('raw')}, ${figures('rollup')}
      FROM (${HOURS(range)})
      WHERE raw != rollup
      ORDER BY namespace, meter, customer, hour
      LIMIT 1`,
    params: toParams(range),
  };
}

export function toDifference(row: DifferenceRow): HourDifference {
  const [namespace, meterId, customer, hourS, ofEvents, ofRollup] = row;
  return { namespace, meterId, customer, hourMs: hourS * 1000, ofEvents, ofRollup };
}

const HOURS = (range: AuditRange): string => `
  SELECT
    namespace, meter, customer, hour,
    (sumIf(count, is_raw), sumIf(sum, is_raw),
      maxIf(last, is_raw), maxIf(last_received, is_raw)) AS raw,
    (sumIf(count, NOT is_raw), sumIf(sum, NOT is_raw),
      maxIf(last, NOT is_raw), maxIf(last_received, NOT is_raw)) AS rollup
  FROM (
    SELECT true AS is_raw, namespace, meter, customer, toStartOfHour(timestamp) AS hour,
      toUInt64(1) AS count, toDecimal256(value, 12) AS sum,
      (timestamp, sequence, value) AS last, (sequence, timestamp, value) AS last_received
    FROM events
    WHERE ${keyOf(range)}
      AND timestamp >= fromUnixTimestamp64Milli({start:Integer}, 'UTC')
      AND timestamp < fromUnixTimestamp64Milli({end:Integer}, 'UTC')
    UNION ALL
    SELECT false, namespace, meter, customer, hour, count, sum, last, last_received
    FROM usage_hourly
    WHERE ${keyOf(range)} AND hour >= {startS:Integer} AND hour < {endS:Integer}
  )
  GROUP BY namespace, meter, customer, hour`;

function keyOf({ namespace, meterId, customer }: AuditRange): string {
  const conditions = [
    ...(namespace === undefined ? [] : ['namespace = {namespace:String}']),
    ...(meterId === undefined ? [] : ['meter = {meter:String}']),
    ...(customer === undefined ? [] : ['customer = {customer:String}']),
  ];
  return conditions.length === 0 ? 'true' : conditions.join(' AND ');
}

function toParams(range: AuditRange): Statement['params'] {
  const { namespace = '', meterId: meter = '', customer = '', startMs = 0, endMs = END_MS } = range;
  const start = Math.floor(Math.max(startMs, 0) / HOUR_MS) * HOUR_MS;
  const end = Math.ceil(Math.min(endMs, END_MS) / HOUR_MS) * HOUR_MS;
  return { namespace, meter, customer, start, end, startS: start / 1000, endS: end / 1000 };
}
