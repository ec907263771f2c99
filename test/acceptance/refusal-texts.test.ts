/** What refusals say: the same on v1, v2 and the stream, nothing that cannot be seen, and what to send instead. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf } from '../support/http.ts';
import { newClient, refused400, type Stripe } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { allSummaries } from '../support/summaries.ts';
import { dayStart, DAY_S, HOUR_S, nowS } from '../support/times.ts';
import { isoOf, postJson, v2ErrorOf, V2_EVENTS } from '../support/v2.ts';

let server: Server;
let client: Stripe;
let meter: Stripe.Billing.Meter;
before(async () => {
  server = await Server.start();
  client = newClient(server);
  meter = await createMeter(client);
});
after(async () => {
  await server.remove();
});

type Sent = Readonly<Record<string, unknown>> & {
  readonly payload?: Readonly<Record<string, unknown>>;
};

/** What each of the three says of an event; undefined: it took it. */
async function said(sent: Sent): Promise<{ v1?: string; v2?: string; stream?: string }> {
  const { payload = {}, ...fields } = { event_name: meter.event_name, ...sent };
  const body = {
    ...(fields as Record<string, string>),
    ...Object.fromEntries(
      Object.entries(payload).map(([key, value]) => [`payload[${key}]`, String(value)]),
    ),
  };
  const v1 = await call(server, { path: '/v1/billing/meter_events', body });
  const v2 = await postJson(server, { path: V2_EVENTS, body: { ...fields, payload } });
  const { results } = await tell(server, await openStream(server), [{ ...fields, payload }]);
  return {
    ...(v1.status === 200 ? {} : { v1: errorOf(v1).message }),
    ...(v2.status === 200 ? {} : { v2: v2ErrorOf(v2).message }),
    ...(results[0]?.message === undefined ? {} : { stream: results[0].message }),
  };
}

function payloadOf(value: string, customer = 'c'): { payload: Record<string, string> } {
  return { payload: { stripe_customer_id: customer, value } };
}

describe('a value', () => {
  for (const [value, shown] of [
    ['5 ', '"5 "'],
    [' 5', '" 5"'],
    ['5\u00a0', String.raw`"5\u00a0"`],
    ['\u200b5', String.raw`"\u200b5"`],
    ['\ufeff5', String.raw`"\ufeff5"`],
    ['5\t', String.raw`"5\u0009"`],
    ['"5"', String.raw`"\"5\""`],
    ['５', '"５"'],
  ] as const) {
    test(`${shown} is shown in quotes, whatever cannot be seen in it`, async () => {
      const text = `The value in the event payload must be a decimal number. Received ${shown}.`;
      assert.deepEqual(await said(payloadOf(value)), { v1: text, v2: text, stream: text });
    });
  }

  test('that is empty is not told as missing, and neither is a customer', async () => {
    const value = 'Value key value has an empty value in payload.';
    assert.deepEqual(await said(payloadOf('')), { v1: value, v2: value, stream: value });
    const customer = 'Customer mapping key stripe_customer_id has an empty value in payload.';
    assert.deepEqual(await said(payloadOf('1', '')), {
      v1: customer,
      v2: customer,
      stream: customer,
    });
    const missing = 'Value key value not found in payload.';
    assert.deepEqual(await said({ payload: { stripe_customer_id: 'c' } }), {
      v1: missing,
      v2: missing,
      stream: missing,
    });
  });
});

describe('times', () => {
  test('that are too old are told the first that is not', async () => {
    const before35 = nowS() - 35 * DAY_S;
    const old = before35 - 60;
    const error = await refused400(sendEvent(client, meter, { customer: 'c', timestamp: old }), {
      code: 'timestamp_too_far_in_past',
      param: 'timestamp',
      message:
        /^The event timestamp cannot be more than 35 days in past\. Expected a timestamp greater than or equal to \d+\.$/u,
    });
    const first = Number(/(\d+)\.$/u.exec(error.message)?.[1]);
    const after35 = nowS() - 35 * DAY_S + 1;
    assert.ok(first >= before35 && first <= after35, error.message);
    const { v2 = '', stream = '' } = await said({ ...payloadOf('1'), timestamp: isoOf(old) });
    for (const message of [v2, stream]) {
      assert.equal(message.replace(/\d+\.$/u, ''), error.message.replace(/\d+\.$/u, ''));
    }
  });

  test('that are in the future are told so, in the words of Stripe', async () => {
    const text = 'The event timestamp cannot be in future.';
    const timestamp = nowS() + 3600;
    assert.deepEqual(await said({ ...payloadOf('1'), timestamp }), {
      v1: text,
      v2: text,
      stream: text,
    });
  });

  test('a bound of a summary that is not aligned is told the two that are', async () => {
    const start = dayStart(2);
    const list = (start_time: number, window?: 'hour' | 'day') =>
      client.billing.meters.listEventSummaries(meter.id, {
        customer: 'c',
        start_time,
        end_time: start + DAY_S,
        ...(window === undefined ? {} : { value_grouping_window: window }),
      });
    for (const [at, window, unit, lengthS] of [
      [start + 61, undefined, 'minute', 60],
      [start + 61, 'hour', 'hour', HOUR_S],
      [start - 1, 'day', 'day', DAY_S],
    ] as const) {
      const before = Math.floor(at / lengthS) * lengthS;
      await refused400(list(at, window), {
        param: 'start_time',
        message:
          `Invalid start_time: it must be aligned with ${unit} boundaries in UTC (a multiple of ${lengthS} seconds), ` +
          `and is ${at}. The nearest are ${before} and ${before + lengthS}.`,
      });
    }
  });
});

test('a second active meter is refused in the words of Stripe', async () => {
  await refused400(createMeter(client, { event_name: meter.event_name }), {
    code: null,
    param: 'event_name',
    message:
      `An active meter already exists for event name '${meter.event_name}'. To create a new meter with the same event ` +
      'name, first deactivate the currently active meter.',
  });
});

describe('characters are counted as people count them', () => {
  const [fits, over] = ['🚕'.repeat(100), '🚕'.repeat(101)];

  test('a hundred fit, in names, identifiers and payloads, and are read back', async () => {
    const own = await createMeter(client, { event_name: fits, display_name: '🚕'.repeat(250) });
    const timestamp = dayStart(2) + HOUR_S;
    const payload = { stripe_customer_id: fits, value: '2', [fits]: fits };
    const identifiers = ['1', '2', '3'].map((last) => '🚕'.repeat(99) + last);
    const [first, second, third] = identifiers;
    const event = { event_name: fits, payload, timestamp };
    await client.billing.meterEvents.create({ ...event, identifier: first ?? '' });
    const iso = isoOf(timestamp + HOUR_S);
    const v2 = { ...event, timestamp: iso, identifier: second ?? '' };
    await client.v2.billing.meterEvents.create(v2);
    const streamed = { ...v2, timestamp: isoOf(timestamp + 2 * HOUR_S), identifier: third };
    assert.equal((await tell(server, await openStream(server), [streamed])).accepted, 1);
    for (const identifier of identifiers) {
      const path = `/v1/billing/meter_events/${encodeURIComponent(identifier)}`;
      const found = JSON.parse((await call(server, { path })).text) as typeof event;
      assert.deepEqual(found.payload, payload);
    }
    // One a page: each cursor has the customer in it.
    const rows = await allSummaries(server, {
      meter: own.id,
      customer: fits,
      start_time: dayStart(2),
      end_time: dayStart(1),
      value_grouping_window: 'hour',
      limit: 1,
    });
    assert.deepEqual(
      rows.map((row) => row.aggregated_value),
      ['2', '2', '2'],
    );
    await client.billing.meterEventAdjustments.create({
      type: 'cancel',
      event_name: fits,
      cancel: { identifier: identifiers[0] ?? '' },
    });
    const metadata = { ['🚕'.repeat(40)]: '🚕'.repeat(500) };
    assert.deepEqual((await client.customers.create({ metadata })).metadata, metadata);
  });

  test('and one more does not, with its count, in the same words everywhere', async () => {
    const long = (what: string): { v1: string; v2: string; stream: string } => {
      const text = `Invalid string: ${what} must be at most 100 characters, and has 101.`;
      const stream = `Invalid event: ${what} must be at most 100 characters, and has 101.`;
      return { v1: text, v2: text, stream };
    };
    assert.deepEqual(await said({ ...payloadOf('1'), identifier: over }), long('identifier'));
    assert.deepEqual(await said({ ...payloadOf('1'), event_name: over }), long('event_name'));
    const payload = { stripe_customer_id: 'c', value: '1', tag: over };
    assert.deepEqual(await said({ payload }), long('payload[tag]'));
    await refused400(createMeter(client, { display_name: '🚕'.repeat(251) }), {
      param: 'display_name',
      message: 'Invalid string: display_name must be at most 250 characters, and has 251.',
    });
  });
});

describe('what is not there, and what is something else', () => {
  test('is told apart on the stream', async () => {
    const events: readonly (readonly [unknown, string])[] = [
      [{ payload: {} }, 'Invalid event: event_name is missing.'],
      [{ event_name: null, payload: {} }, 'Invalid event: event_name is missing.'],
      [{ event_name: '', payload: {} }, 'Invalid event: event_name is empty.'],
      [{ event_name: 5 }, 'Invalid event: event_name must be a string, not a number.'],
      [{ event_name: '\ud83d' }, 'Invalid event: event_name is not well-formed Unicode.'],
      [{ event_name: 'x' }, 'Invalid event: payload is missing.'],
      [{ event_name: 'x', payload: [] }, 'Invalid event: payload must be an object, not an array.'],
      [
        { event_name: meter.event_name, payload: { stripe_customer_id: 'c', value: 5 } },
        'Invalid event: payload[value] must be a string, not a number.',
      ],
      [{ event_name: 'x', payload: {}, identifier: '' }, 'Invalid event: identifier is empty.'],
      [{ event_name: 'x', payload: {}, bogus: 5 }, 'Invalid event: bogus is not known.'],
      [
        { event_name: 'a\u00a0b', payload: {} },
        String.raw`No meter was found matching event_name "a\u00a0b".`,
      ],
    ];
    const { results } = await tell(
      server,
      await openStream(server),
      events.map(([event]) => event),
    );
    assert.deepEqual(
      results.map(({ message }) => message),
      events.map(([, message]) => message),
    );
  });

  test('and in v2, where what is unknown is told first', async () => {
    for (const [body, message] of [
      [{ payload: { value: 5 } }, 'Invalid payload[value]: must be a string, not a number.'],
      [{ payload: 5 }, 'Invalid payload: must be an object, not a number.'],
      [{ event_name: {} }, 'Invalid event_name: must be a string, not an object.'],
      [{ bogus: 1 }, 'Received unknown parameter: bogus'],
      [{ event_name: 5, bogus: [1] }, 'Received unknown parameter: bogus'],
      [{}, 'Missing required param: event_name.'],
    ] as const) {
      const answer = await postJson(server, { path: V2_EVENTS, body });
      assert.equal(answer.status, 400);
      assert.deepEqual(v2ErrorOf(answer), { code: 'invalid_fields', message });
    }
  });

  test('no name of a parameter hides what it is', async () => {
    const answer = await call(server, {
      path: '/v1/customers',
      body: 'na%C2%A0me=x&a%E2%80%8B[=1',
    });
    assert.equal(answer.status, 400);
    const message = errorOf(answer).message;
    assert.match(message, /^[\x20-\x7e]*$/u);
    const integer = await call(server, { path: '/v1/customers?limit=5%C2%A0' });
    assert.equal(errorOf(integer).message, String.raw`Invalid integer: "5\u00a0"`);
    assert.equal(
      errorOf(await call(server, { path: '/v1/customers?limit=x' })).message,
      'Invalid integer: x',
    );
  });
});
