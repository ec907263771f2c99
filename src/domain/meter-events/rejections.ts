/**
 * Why an event of a stream is not counted, in the words of Stripe's meter error reports (its SDKs: the open enum of
 * `v1.billing.meter.error_report_triggered`; its docs list `meter_event_value_not_found` too). Two codes are not among
 * them: `meter_event_malformed`, for what Stripe would refuse the whole request for, and that of its v2 API for duplicates.
 */
import { bareOrQuoted } from '../characters.ts';
import type { Rejection } from './measure.ts';

export const STREAM_REJECTION_CODES = [
  'no_meter',
  'archived_meter',
  'meter_event_no_customer_defined',
  'meter_event_customer_not_found',
  'meter_event_value_not_found',
  'meter_event_invalid_value',
  'meter_event_value_too_many_digits',
  'timestamp_too_far_in_past',
  'timestamp_in_future',
  'meter_event_malformed',
  'duplicate_meter_event',
] as const;

export type StreamRejection = {
  readonly code: (typeof STREAM_REJECTION_CODES)[number];
  /** A sentence for people. */
  readonly message: string;
};

/** An event that cannot even be read. */
export function malformed(message: string): StreamRejection {
  return { code: 'meter_event_malformed', message };
}

/** No active meter takes events of this name. */
export function rejectEventName(
  code: 'no_meter' | 'archived_meter',
  eventName: string,
): StreamRejection {
  const text =
    code === 'no_meter'
      ? `No meter was found matching event_name ${bareOrQuoted(eventName)}.`
      : `The meter matching event_name ${bareOrQuoted(eventName)} is archived.`;
  return { code, message: text };
}

/** The customer is not one of those that may be metered. */
export function rejectCustomer(customer: string): StreamRejection {
  return { code: 'meter_event_customer_not_found', message: `No such customer: '${customer}'` };
}

/** The identifier is taken by an event that says something else, or that was cancelled. */
export function rejectDuplicate(message: string): StreamRejection {
  return { code: 'duplicate_meter_event', message };
}

/** What the synchronous calls refuse under their own codes. */
export function toStreamRejection({ code, message }: Rejection): StreamRejection {
  return { code: STREAM_CODES[code], message };
}

const STREAM_CODES = {
  payload_no_customer_defined: 'meter_event_no_customer_defined',
  payload_no_value_defined: 'meter_event_value_not_found',
  payload_invalid_value: 'meter_event_invalid_value',
  payload_value_too_many_digits: 'meter_event_value_too_many_digits',
  timestamp_too_far_in_past: 'timestamp_too_far_in_past',
  timestamp_in_future: 'timestamp_in_future',
} as const satisfies Record<Rejection['code'], StreamRejection['code']>;
