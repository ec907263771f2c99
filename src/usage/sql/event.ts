/** Finding one event, its cancellation, and the identifiers to remember. */
import type { MeterEvent } from '../../events/event.ts';
import type { Namespace } from '../../namespace.ts';
import { storedQuantity } from '../rows.ts';
import type { Statement } from './statement.ts';

/** A row of `findEventSql`. 64-bit integers travel as text. */
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

export function findEventSql(
  namespace: Namespace,
  meterIds: readonly string[],
  identifier: string,
): Statement {
  return {
    sql: `
      SELECT
        namespace,
        meter,
        customer,
        toString(toUnixTimestamp64Milli(timestamp)),
        toString(sequence),
        toString(toUnixTimestamp64Milli(received_at)),
        identifier,
        toString(value),
        arrayZip(mapKeys(payload), mapValues(payload))
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
    payload: new Map(payload),
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

/** One row of text. */
export function lastSequenceSql(): Statement {
  return { sql: 'SELECT toString(max(sequence)) FROM events', params: {} };
}

/** Rows of (namespace, meter). */
export function cancelledMetersSql(): Statement {
  return { sql: 'SELECT DISTINCT namespace, meter FROM cancellations', params: {} };
}

/** Columns: namespace, identifier, received at in ms. */
export function identifiersSql(sinceMs: number): Statement {
  return {
    sql: `
      SELECT namespace, identifier, toUnixTimestamp64Milli(received_at)
      FROM events
      WHERE received_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')`,
    params: { since: sinceMs },
  };
}
