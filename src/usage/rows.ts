/**
 * Rows as ClickHouse takes them: one JSONCompactEachRow line each. The journal keeps them in this form, so
 * that a flush hands bytes on. Numbers that must be exact travel as decimal text; a DateTime64(3) as the
 * integer of its milliseconds.
 *
 * The order of the columns is part of the data folder: append only.
 */
import type { Cancellation, MeterEvent } from '../events/event.ts';
import { formatQuantity, type Quantity } from '../quantity.ts';

export const EVENT_COLUMNS = [
  'namespace',
  'meter',
  'customer',
  'timestamp',
  'sequence',
  'received_at',
  'identifier',
  'value',
  'payload',
] as const;

export const CANCELLATION_COLUMNS = [
  'namespace',
  'meter',
  'customer',
  'timestamp',
  'sequence',
  'identifier',
  'cancelled_at',
  'request_id',
] as const;

/** The event's line, in the order of EVENT_COLUMNS, with its line feed. */
export function eventRow(event: MeterEvent): string {
  return `${JSON.stringify([
    event.namespace,
    event.meterId,
    event.customer,
    event.timestampMs,
    event.sequence,
    event.receivedAtMs,
    event.identifier,
    formatQuantity(event.value),
    // fromEntries defines plain keys, so `__proto__` is a key like any other.
    Object.fromEntries(event.payload),
  ])}\n`;
}

/** The cancellation's line, in the order of CANCELLATION_COLUMNS, with its line feed. */
export function cancellationRow(cancellation: Cancellation): string {
  return `${JSON.stringify([
    cancellation.namespace,
    cancellation.meterId,
    cancellation.customer,
    cancellation.timestampMs,
    cancellation.sequence,
    cancellation.identifier,
    cancellation.cancelledAtMs,
    cancellation.requestId,
  ])}\n`;
}

/**
 * A quantity as the store prints it: decimal digits with at most 12 after the point, of any length before
 * it, since a sum may have more digits than one event's value.
 */
export function storedQuantity(text: string): Quantity {
  const point = text.indexOf('.');
  const whole = point === -1 ? text : text.slice(0, point);
  const fraction = point === -1 ? '' : text.slice(point + 1);
  return BigInt(whole + fraction.padEnd(12, '0'));
}
