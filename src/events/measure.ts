/**
 * What a meter reads from an event's payload, and the times that an event may have. What is wrong with an
 * event is a value, not an exception: one event of many may be refused without harm to its neighbours.
 *
 * Codes: Stripe's v2 meter events (`x-stripeErrors` in its OpenAPI) and meter error reports.
 */
import type { Meter } from '../meters/meter.ts';
import { parseQuantity, UNITS_PER_ONE, type Quantity } from '../quantity.ts';

export type Rejection = {
  readonly code:
    | 'payload_no_customer_defined'
    | 'payload_no_value_defined'
    | 'payload_invalid_value'
    | 'payload_value_too_many_digits'
    | 'timestamp_too_far_in_past'
    | 'timestamp_in_future';
  readonly message: string;
  /** The path of the wrong parameter, from the event on. */
  readonly param: string;
};

export type Measured = { readonly customer: string; readonly value: Quantity };

/** Stripe's `timestamp`: within the past 35 calendar days and at most 5 minutes in the future. */
export const FUTURE_MS_MAX = 5 * 60 * 1000;
export const PAST_DAYS = 35;

const DAY_MS = 86_400_000;

/** The customer and the value. A `count` meter takes no value: each event counts 1, whatever it carries. */
export function measure(
  meter: Pick<Meter, 'customerKey' | 'valueKey' | 'formula'>,
  payload: ReadonlyMap<string, string>,
): Measured | Rejection {
  const customer = payload.get(meter.customerKey);
  if (customer === undefined || customer === '') {
    return {
      code: 'payload_no_customer_defined',
      message: `Customer mapping key ${meter.customerKey} not found in payload.`,
      param: `payload[${meter.customerKey}]`,
    };
  }
  if (meter.formula === 'count') return { customer, value: UNITS_PER_ONE };
  const text = payload.get(meter.valueKey);
  if (text === undefined || text === '') {
    return {
      code: 'payload_no_value_defined',
      message: `Value key ${meter.valueKey} not found in payload.`,
      param: `payload[${meter.valueKey}]`,
    };
  }
  const value = parseQuantity(text);
  return typeof value === 'bigint' ? { customer, value } : invalidValue(meter, text, value);
}

function invalidValue(
  { valueKey }: Pick<Meter, 'valueKey'>,
  text: string,
  reason: 'not_a_number' | 'too_many_digits',
): Rejection {
  const rule =
    reason === 'not_a_number'
      ? 'The value in the event payload must be a decimal number.'
      : 'The value in the event payload can have at most 15 integer digits and 12 fraction digits.';
  return {
    code: reason === 'not_a_number' ? 'payload_invalid_value' : 'payload_value_too_many_digits',
    message: `${rule} Received ${text}.`,
    param: `payload[${valueKey}]`,
  };
}

/** Undefined when the time is in bounds: `pastDays` back, FUTURE_MS_MAX ahead, both included. */
export function rejectTimestamp(
  timestampMs: number,
  nowMs: number,
  pastDays: number,
): Rejection | undefined {
  const param = 'timestamp';
  const rule =
    `The timestamp must be within the past ${pastDays} days and at most 5 minutes in the future. ` +
    `Received ${Math.floor(timestampMs / 1000)}.`;
  if (timestampMs < nowMs - pastDays * DAY_MS) {
    return { code: 'timestamp_too_far_in_past', message: rule, param };
  }
  if (timestampMs > nowMs + FUTURE_MS_MAX) {
    return { code: 'timestamp_in_future', message: rule, param };
  }
  return undefined;
}
