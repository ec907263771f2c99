/**
 * Rows of what is rare, as ClickHouse takes them: one JSONCompactEachRow line each (events: event-columns.ts). The
 * journal keeps them in this form, so that a flush hands bytes on. A DateTime64(3) travels as the integer of its
 * milliseconds.
 *
 * The order of the columns is part of the data folder: append only. Lines of an earlier version have fewer, and are
 * read with LINE_SETTINGS.
 */
import type { Cancellation, RejectedEvent } from '../domain/meter-events/meter-event.ts';
import type { Quantity } from '../domain/quantity.ts';

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

export const REJECTION_COLUMNS = [
  'namespace',
  'sequence',
  'received_at',
  'event_name',
  'identifier',
  'meter',
  'sent',
  'code',
  'message',
  'request_id',
  'duplicate_of',
] as const;

/** Columns that a line does not have take their defaults. */
export const LINE_SETTINGS = { input_format_json_compact_allow_variable_number_of_columns: 1 };

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

/** The rejected event's line, in the order of REJECTION_COLUMNS, with its line feed. */
export function rejectionRow(rejected: RejectedEvent): string {
  return `${JSON.stringify([
    rejected.namespace,
    rejected.sequence,
    rejected.receivedAtMs,
    rejected.eventName,
    rejected.identifier,
    rejected.meterId,
    rejected.sent,
    rejected.code,
    rejected.message,
    rejected.requestId,
    rejected.duplicateOf ?? 0,
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
