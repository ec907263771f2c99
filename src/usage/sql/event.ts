/** Finding one event, its cancellation, and the identifiers to remember. */
import type { MeterEvent } from '../../domain/meter-events/meter-event.ts';
import type { Namespace } from '../../domain/namespace.ts';
import { storedQuantity } from '../rows.ts';
import type { IdentifierRange } from '../usage-store.ts';
import type { Statement } from './statement.ts';

/** A row of EVENT_COLUMNS. 64-bit integers travel as text. */
export type EventRow = [
  namespace: Namespace,
  meterId: string,
  customer: string,
  timestampMs: string,
  sequence: string,
  receivedAtMs: string,
  identifier: string,
  value: string,
  payload: [string, string][],
];

export const EVENT_COLUMNS = `
        namespace,
        meter,
        customer,
        toString(toUnixTimestamp64Milli(timestamp)),
        toString(sequence),
        toString(toUnixTimestamp64Milli(received_at)),
        identifier,
        toString(value),
        arrayZip(mapKeys(payload), mapValues(payload))`;

/** One row of EVENT_COLUMNS, or none. */
export function findEventSql(
  namespace: Namespace,
  meterIds: readonly string[],
  identifier: string,
): Statement {
  return {
    sql: `
      SELECT ${EVENT_COLUMNS}
      FROM events
      WHERE namespace = {namespace:String}
        AND meter IN {meters:Array(String)}
        AND identifier = {identifier:String}
      ORDER BY sequence DESC
      LIMIT 1`,
    params: { namespace, meters: meterIds, identifier },
  };
}

export function toEvent(row: EventRow): MeterEvent {
  const [namespace, meterId, customer, timestampMs, sequence, receivedAtMs, ...rest] = row;
  const [identifier, value, payload] = rest;
  return {
    namespace,
    meterId,
    customer,
    timestampMs: Number(timestampMs),
    sequence: Number(sequence),
    receivedAtMs: Number(receivedAtMs),
    identifier,
    value: storedQuantity(value),
    rest: new Map(payload),
  };
}

/** The first cancellation of an event: (cancelled at in ms, as text; request id). */
export function findCancellationSql(event: MeterEvent): Statement {
  return {
    sql: `
      SELECT toString(toUnixTimestamp64Milli(cancelled_at)), request_id
      FROM cancellations
      WHERE namespace = {namespace:String}
        AND meter = {meter:String}
        AND customer = {customer:String}
        AND timestamp = fromUnixTimestamp64Milli({timestamp:Integer}, 'UTC')
        AND sequence = {sequence:Integer}
      ORDER BY cancelled_at
      LIMIT 1`,
    params: {
      namespace: event.namespace,
      meter: event.meterId,
      customer: event.customer,
      timestamp: event.timestampMs,
      sequence: event.sequence,
    },
  };
}

/**
 * One row of text; none without events. In this form, not as `max`, ClickHouse looks only into the granule
 * whose minmax index promises the most (`use_skip_indexes_for_top_k`).
 */
export function lastSequenceSql(): Statement {
  return {
    sql: `
      SELECT toString(max(last)) FROM (
        (SELECT sequence AS last FROM events ORDER BY events.sequence DESC LIMIT 1)
        UNION ALL
        (SELECT sequence AS last FROM rejections ORDER BY rejections.sequence DESC LIMIT 1)
        UNION ALL
        (SELECT last_sequence AS last FROM prunes))`,
    params: {},
  };
}

/** One row of text, in ms; none without events. As for `lastSequenceSql`. */
export function lastReceivedSql(): Statement {
  return {
    sql: 'SELECT toString(toUnixTimestamp64Milli(received_at)) FROM events ORDER BY events.sequence DESC LIMIT 1',
    params: {},
  };
}

/** Rows of (namespace, meter). */
export function cancelledMetersSql(): Statement {
  return { sql: 'SELECT DISTINCT namespace, meter FROM cancellations', params: {} };
}

/** Rows of (namespace): those that have events. From the rollup, which is shorter. */
export function namespacesSql(): Statement {
  return { sql: 'SELECT DISTINCT namespace FROM usage_hourly', params: {} };
}

/** Columns: identifier, received_ms. */
export function identifiersSql(namespace: Namespace, range: IdentifierRange): Statement {
  return {
    sql: `
      SELECT identifier, toUnixTimestamp64Milli(received_at) AS received_ms
      FROM events
      WHERE namespace = {namespace:String}
        AND sequence > {afterSequence:Integer}
        AND received_at >= fromUnixTimestamp64Milli({sinceMs:Integer}, 'UTC')`,
    params: { namespace, ...range },
  };
}
