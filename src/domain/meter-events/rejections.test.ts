import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measure, rejectTimestamp } from './measure.ts';
import { rejectCustomer, rejectEventName, toStreamRejection } from './rejections.ts';

const METER = {
  customerKey: 'stripe_customer_id',
  valueKey: 'value',
  formula: 'sum',
} as const;

function codeOf(customer: string | undefined, value: string | undefined): string | undefined {
  const measured = measure(METER, customer, value);
  return 'code' in measured ? toStreamRejection(measured).code : undefined;
}

test('what is wrong with a payload has the code of the error reports', () => {
  assert.equal(codeOf('cus_1', '1'), undefined);
  assert.equal(codeOf(undefined, '1'), 'meter_event_no_customer_defined');
  assert.equal(codeOf('', '1'), 'meter_event_no_customer_defined');
  assert.equal(codeOf('cus_1', undefined), 'meter_event_value_not_found');
  assert.equal(codeOf('cus_1', ''), 'meter_event_value_not_found');
  assert.equal(codeOf('cus_1', 'x'), 'meter_event_invalid_value');
  assert.equal(codeOf('cus_1', '1'.repeat(16)), 'meter_event_value_too_many_digits');
  assert.equal(codeOf('cus_1', `0.${'1'.repeat(13)}`), 'meter_event_value_too_many_digits');
});

test('times keep their codes', () => {
  const DAY_MS = 86_400_000;
  const codeAt = (timestampMs: number): string | undefined =>
    rejectTimestamp(timestampMs, 100 * DAY_MS, 35)?.code;
  assert.equal(codeAt(100 * DAY_MS), undefined);
  assert.equal(codeAt(64 * DAY_MS), 'timestamp_too_far_in_past');
  assert.equal(codeAt(101 * DAY_MS), 'timestamp_in_future');
});

test('the texts are those that Stripe documents', () => {
  assert.equal(
    rejectEventName('no_meter', 'x').message,
    'No meter was found matching event_name x.',
  );
  const measured = measure(METER, undefined, '1');
  assert.ok('code' in measured);
  assert.equal(
    toStreamRejection(measured).message,
    'Customer mapping key stripe_customer_id not found in payload.',
  );
  assert.equal(rejectCustomer('cus_1').code, 'meter_event_customer_not_found');
});
