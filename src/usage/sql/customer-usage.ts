/** The queries behind alerts, as pure functions of what is asked. Ranges are whole days, so there are no ragged edges. */
import type { Namespace } from '../../domain/namespace.ts';
import { storedQuantity } from '../rows.ts';
import type { Arrived, ArrivedQuery, CustomerUsageQuery, Touched } from '../customer-usage.ts';
import type { Statement } from './statement.ts';
import { COLUMNS, FOLDS, LAST_HOUR_MS, SURVIVOR, windowNumber } from './usage-parts.ts';

/** Rows of (customer, value as decimal text, last sequence as text). */
export function usageOfSql(
  query: CustomerUsageQuery,
  anyCancelled: boolean,
  prunedBeforeMs: number,
): Statement {
  const { formula, eventTimeWindow, namespace, meterId: meter, customers } = query;
  const endMs = query.endMs === 'open' ? LAST_HOUR_MS : Math.min(query.endMs, LAST_HOUR_MS);
  const startMs = Math.min(query.startMs, endMs);
  const folded =
    eventTimeWindow === null
      ? `
      SELECT customer, toString(${FOLDS[formula]('part')}), toString(max(last_received.1))
      FROM (${sourcesOf(formula, anyCancelled)})`
      : `
      SELECT customer, toString(${FOLDS[formula](SURVIVOR[formula])}), toString(max(survivor.1))
      FROM (
        SELECT customer, ${windowNumber(eventTimeWindow, 'time')} AS event_window, max(last_received) AS survivor
        FROM (${sourcesOf(formula, anyCancelled)})
        GROUP BY customer, event_window)`;
  return {
    sql: `${folded} GROUP BY customer`,
    params: {
      namespace,
      meter,
      customers,
      startS: startMs / 1000,
      endS: endMs / 1000,
      prunedBeforeS: prunedBeforeMs / 1000,
    },
  };
}

const KEY = `namespace = {namespace:String} AND meter = {meter:String} AND customer IN {customers:Array(String)}`;

/** (customer, hour) of every cancelled event. */
const CANCELLED = `FROM cancellations WHERE ${KEY}`;

/**
 * Each customer's hour comes from one place: the rollup, or where one of its events is cancelled from the events, and from
 * what is settled when those are pruned.
 */
function sourcesOf(part: CustomerUsageQuery['formula'], anyCancelled: boolean): string {
  const { rollup, settled, events } = COLUMNS;
  const fromRollup = `
    SELECT customer, hour AS time, ${rollup[part]} AS part, ${rollup.lastReceived} AS last_received
    FROM usage_hourly
    WHERE ${KEY} AND hour >= {startS:Integer} AND hour < {endS:Integer}`;
  if (!anyCancelled) return fromRollup;
  const dirty = `SELECT customer, toStartOfHour(timestamp) ${CANCELLED}`;
  return `${fromRollup}
      AND (customer, hour) NOT IN (${dirty})
    UNION ALL
    SELECT customer, hour AS time, ${settled[part]} AS part, ${settled.lastReceived} AS last_received
    FROM settled_hours FINAL
    WHERE ${KEY} AND hour >= {startS:Integer} AND hour < {endS:Integer} AND hour < {prunedBeforeS:Integer} AND count > 0
    UNION ALL
    SELECT customer, timestamp AS time, ${events[part]} AS part, ${events.lastReceived} AS last_received
    FROM events
    WHERE ${KEY}
      AND toUnixTimestamp(timestamp) >= {startS:Integer} AND toUnixTimestamp(timestamp) < {endS:Integer}
      AND toUnixTimestamp(timestamp) >= {prunedBeforeS:Integer}
      AND (customer, toStartOfHour(timestamp)) IN (${dirty})
      AND sequence NOT IN (SELECT sequence ${CANCELLED})`;
}

/** A row of `cancelledSql`. */
export type TouchedRow = [namespace: Namespace, meterId: string, customer: string, dayS: number];

/** A row of `arrivedSql`. */
export type ArrivedRow = [...TouchedRow, count: string, added: string];

const ARRIVED = `
  namespace, meter, customer, toUnixTimestamp(toStartOfDay(timestamp)) AS day, toString(count()),
  toString(sumIf(toDecimal256(value, 12), value > 0))`;

export function arrivedSql({ meterIds, afterSequence, upToSequence }: ArrivedQuery): Statement {
  return {
    sql: `
      SELECT ${ARRIVED}
      FROM events
      WHERE meter IN {meters:Array(String)}
        AND sequence > {after:Integer} AND sequence <= {upTo:Integer}
      GROUP BY namespace, meter, customer, day`,
    params: { meters: meterIds, after: afterSequence, upTo: upToSequence },
  };
}

export function cancelledSql(meterIds: readonly string[]): Statement {
  return {
    sql: `
      SELECT
        DISTINCT namespace, meter, customer, toUnixTimestamp(toStartOfDay(timestamp))
      FROM cancellations
      WHERE meter IN {meters:Array(String)}`,
    params: { meters: meterIds },
  };
}

export function toTouched([namespace, meterId, customer, dayS]: TouchedRow): Touched {
  return { namespace, meterId, customer, dayMs: dayS * 1000 };
}

export function toArrived([namespace, meterId, customer, dayS, count, added]: ArrivedRow): Arrived {
  const touched = toTouched([namespace, meterId, customer, dayS]);
  return { ...touched, count: Number(count), added: storedQuantity(added) };
}
