import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { measure, rejectTimestamp, type Rejection } from './measure.ts';
import { toReportedError, type ReportedError } from './rejections.ts';

const METER = { customerKey: 'stripe_customer_id', valueKey: 'value', formula: 'sum' } as const;
const NOW_MS = 1_760_000_000_000;
const DAY_MS = 86_400_000;

/** What is reported of an event with this payload; undefined when nothing is wrong. */
function reported(payload: Readonly<Record<string, string>>): ReportedError | undefined {
  const measured = measure(METER, new Map(Object.entries(payload)));
  return 'code' in measured ? toReportedError(measured) : undefined;
}

function reportedTime(timestampMs: number): ReportedError | undefined {
  const rejection: Rejection | undefined = rejectTimestamp(timestampMs, NOW_MS, 35);
  return rejection === undefined ? undefined : toReportedError(rejection);
}

suite('what is reported of an event', () => {
  test('whose payload names no customer', () => {
    for (const payload of [{ value: '1' }, { value: '1', stripe_customer_id: '' }]) {
      assert.deepEqual(reported(payload), {
        code: 'meter_event_no_customer_defined',
        message: 'Customer mapping key stripe_customer_id not found in payload.',
      });
    }
  });

  test('whose payload has no value', () => {
    assert.deepEqual(reported({ stripe_customer_id: 'c' }), {
      code: 'meter_event_value_not_found',
      message: 'Value key value not found in payload.',
    });
  });

  test('whose value is no number', () => {
    for (const value of ['abc', '1 ', '+1', 'NaN', '1,5']) {
      const error = reported({ stripe_customer_id: 'c', value });
      assert.equal(error?.code, 'meter_event_invalid_value', value);
      assert.ok(error.message.endsWith(`Received ${value}.`));
    }
  });

  test('whose value has too many digits', () => {
    for (const value of ['1'.repeat(16), '0.0000000000001', '1e15', '1e-13']) {
      const error = reported({ stripe_customer_id: 'c', value });
      assert.equal(error?.code, 'meter_event_value_too_many_digits', value);
      assert.match(error.message, /^The value in the event payload can have at most 15 /);
      assert.ok(error.message.endsWith(`Received ${value}.`));
    }
  });

  test('with the wrong time', () => {
    assert.equal(reportedTime(NOW_MS - 36 * DAY_MS)?.code, 'timestamp_too_far_in_past');
    assert.equal(reportedTime(NOW_MS + 301_000)?.code, 'timestamp_in_future');
  });

  test('of no meter, of an archived one, of a customer that is not there', () => {
    assert.deepEqual(toReportedError({ code: 'no_meter', eventName: 'x' }), {
      code: 'no_meter',
      message: 'No meter was found matching event_name x.',
    });
    assert.equal(
      toReportedError({ code: 'archived_meter', eventName: 'x' }).code,
      'archived_meter',
    );
    assert.deepEqual(toReportedError({ code: 'customer_missing', customer: 'cus_1' }), {
      code: 'meter_event_customer_not_found',
      message: "No such customer: 'cus_1'",
    });
  });

  test('that is right: nothing', () => {
    assert.equal(reported({ stripe_customer_id: 'c', value: '1' }), undefined);
    assert.equal(reportedTime(NOW_MS), undefined);
  });
});
