/**
 * What a meter reads from an event's payload, and the times that an event may have. What is wrong with an
 * event is a value, not an exception: one event of many may be refused without harm to its neighbours.
 *
 * Codes: Stripe's v2 meter events (`x-stripeErrors` in its OpenAPI) and meter error reports.
 */
import { DAY_MS } from '../time.ts';
import { quoted } from '../characters.ts';
import type { Meter } from '../meter.ts';
import { formatQuantity, ONE, parseDecimal, type Decimal } from '../quantity.ts';
import { unitHint } from '../rfc3339.ts';
import { NOTHING_MORE, type MeterEvent, type Payload } from './meter-event.ts';

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

export type Measured = {
  readonly customer: string;
  readonly value: Decimal;
  /** Whether the row says the value's text to the letter, so that it need not be kept beside it. */
  readonly saysValue: boolean;
};

/** Stripe's `timestamp`: within the past 35 calendar days and at most 5 minutes in the future. */
export const FUTURE_MS_MAX = 5 * 60 * 1000;
export const PAST_DAYS = 35;

type MeterKeys = Pick<Meter, 'customerKey' | 'valueKey' | 'formula'>;

/**
 * The customer and the value, given what the payload has under the meter's two keys. A `count` meter takes no
 * value: each event counts 1, whatever it carries.
 */
export function measure(
  meter: MeterKeys,
  customer: string | undefined,
  valueText: string | undefined,
): Measured | Rejection {
  if (customer === undefined || customer === '') {
    return {
      code: 'payload_no_customer_defined',
      message: `Customer mapping key ${meter.customerKey} ${absence(customer)}.`,
      param: `payload[${meter.customerKey}]`,
    };
  }
  if (meter.formula === 'count') return { customer, value: ONE, saysValue: false };
  if (valueText === undefined || valueText === '') {
    return {
      code: 'payload_no_value_defined',
      message: `Value key ${meter.valueKey} ${absence(valueText)}.`,
      param: `payload[${meter.valueKey}]`,
    };
  }
  const value = parseDecimal(valueText);
  if (typeof value === 'string') return invalidValue(meter, valueText, value);
  return { customer, value, saysValue: value.canonical };
}

/** What is wrong with a text that is not there, or is there and empty. */
function absence(text: '' | undefined): string {
  return text === undefined ? 'not found in payload' : 'has an empty value in payload';
}

/** What of a payload that was measured the row does not say already (MeterEvent's `rest`). */
export function restOf(meter: MeterKeys, payload: Payload, { saysValue }: Measured): Payload {
  const said = saysValue && meter.valueKey !== meter.customerKey ? 2 : 1;
  // Mostly there is nothing more, and then nothing is copied.
  if (payload.size === said) return NOTHING_MORE;
  const rest = new Map(payload);
  rest.delete(meter.customerKey);
  if (saysValue) rest.delete(meter.valueKey);
  return rest;
}

/** The payload as it was sent, made again from the row; keys may stand in another order. */
export function wholePayload(
  meter: MeterKeys,
  { customer, value, rest }: Pick<MeterEvent, 'customer' | 'value' | 'rest'>,
): Payload {
  const payload = new Map(rest);
  payload.set(meter.customerKey, customer);
  const saidByRow = meter.formula !== 'count' && !payload.has(meter.valueKey);
  if (saidByRow) payload.set(meter.valueKey, formatQuantity(value));
  return payload;
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
    message: `${rule} Received ${quoted(text)}.`,
    param: `payload[${valueKey}]`,
  };
}

/**
 * Undefined when the time is in bounds: `pastDays` back, FUTURE_MS_MAX ahead, both included. The texts are Stripe's, as its
 * users report them; what looks like another unit than seconds is said behind.
 */
export function rejectTimestamp(
  timestampMs: number,
  nowMs: number,
  pastDays: number,
): Rejection | undefined {
  const param = 'timestamp';
  const firstMs = nowMs - pastDays * DAY_MS;
  if (timestampMs < firstMs) {
    const message =
      `The event timestamp cannot be more than ${pastDays} day${pastDays === 1 ? '' : 's'} in past. ` +
      `Expected a timestamp greater than or equal to ${Math.ceil(firstMs / 1000)}.`;
    return { code: 'timestamp_too_far_in_past', message, param };
  }
  if (timestampMs > nowMs + FUTURE_MS_MAX) {
    const message = `The event timestamp cannot be in future.${unitHint(timestampMs / 1000)}`;
    return { code: 'timestamp_in_future', message, param };
  }
  return undefined;
}
