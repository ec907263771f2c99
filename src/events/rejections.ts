/**
 * How Stripe's error reports name what is wrong with an event of the stream, where nobody waits for an answer
 * to it: `data.reason.error_types` of `v1.billing.meter.error_report_triggered`, and for a missing meter of
 * `v1.billing.meter.no_meter_found` (stripe-node 23, V2/Core/Events.ts; docs: recording-usage-api).
 *
 * A duplicate is not among them: the second copy is dropped without a word.
 */
import type { Rejection } from './measure.ts';

/** Everything that can be wrong with an event whose fields are what they should be. */
export type WrongEvent =
  | Pick<Rejection, 'code' | 'message'>
  | { readonly code: 'no_meter' | 'archived_meter'; readonly eventName: string }
  | { readonly code: 'customer_missing'; readonly customer: string };

export type ErrorReportCode =
  | 'archived_meter'
  | 'meter_event_customer_not_found'
  | 'meter_event_invalid_value'
  | 'meter_event_no_customer_defined'
  | 'meter_event_value_not_found'
  | 'meter_event_value_too_many_digits'
  | 'no_meter'
  | 'timestamp_in_future'
  | 'timestamp_too_far_in_past';

/** One error of a report; Stripe's text where it is known. */
export type ReportedError = { readonly code: ErrorReportCode; readonly message: string };

export function toReportedError(wrong: WrongEvent): ReportedError {
  switch (wrong.code) {
    case 'no_meter':
      return {
        code: 'no_meter',
        message: `No meter was found matching event_name ${wrong.eventName}.`,
      };
    case 'archived_meter':
      return {
        code: 'archived_meter',
        message: `The meter matching event_name ${wrong.eventName} is archived.`,
      };
    case 'customer_missing':
      return {
        code: 'meter_event_customer_not_found',
        message: `No such customer: '${wrong.customer}'`,
      };
    case 'payload_no_customer_defined':
      return { code: 'meter_event_no_customer_defined', message: wrong.message };
    case 'payload_no_value_defined':
      return { code: 'meter_event_value_not_found', message: wrong.message };
    case 'payload_invalid_value':
      return { code: 'meter_event_invalid_value', message: wrong.message };
    case 'payload_value_too_many_digits':
      return { code: 'meter_event_value_too_many_digits', message: wrong.message };
    case 'timestamp_in_future':
    case 'timestamp_too_far_in_past':
      return { code: wrong.code, message: wrong.message };
  }
}
