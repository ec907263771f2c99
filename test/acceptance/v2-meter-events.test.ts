import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cancelEvent, createMeter, sendEvent } from '../support/fixtures.ts';
import { call } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, refused, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S, nowMs, nowS } from '../support/times.ts';
import { isoOf, postJson, postLength, TIME, v2ErrorOf, v2Event, V2_EVENTS } from '../support/v2.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

const start = dayStart(2);
const timestamp = isoOf(start);

async function sumOf(meter: { readonly id: string }, customer = 'c'): Promise<string> {
  const range = { start_time: start, end_time: start + 3 * DAY_S };
  return await total(server, { meter: meter.id, customer, ...range });
}

for (const line of SDK_LINES) {
  describe(`v2 meter events, ${line.name}`, () => {
    let client: Stripe;
    let meter: Stripe.Billing.Meter;
    before(async () => {
      client = newClient(server, { line });
      meter = await createMeter(client);
    });

    test('an event is answered as it was sent, and counted at once', async () => {
      const own = await createMeter(client);
      const identifier = unique('evt');
      const sent = v2Event(own, { value: '2.5', identifier, timestamp });
      const event = await client.v2.billing.meterEvents.create(sent);
      const { created, ...rest } = event;
      assert.match(created, TIME);
      assert.deepEqual(rest, {
        object: 'v2.billing.meter_event',
        event_name: own.event_name,
        identifier,
        livemode: false,
        payload: { stripe_customer_id: 'c', value: '2.5' },
        timestamp,
      });
      assert.equal(await sumOf(own), '2.5');
    });

    test('what is left out is filled in: an identifier and the time of arrival', async () => {
      const own = await createMeter(client);
      const before = nowMs();
      const event = await client.v2.billing.meterEvents.create(v2Event(own));
      assert.match(event.identifier, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u);
      assert.equal(event.timestamp, event.created);
      assert.match(event.created, TIME);
      const created = Date.parse(event.created);
      assert.ok(created >= before && created <= nowMs(), event.created);
      assert.equal(await sumOf(own), '1');
    });

    test('what is wrong is said at once, by its code', async () => {
      const create = async (params: Stripe.V2.Billing.MeterEventCreateParams): Promise<unknown> =>
        await client.v2.billing.meterEvents.create(params);
      const { event_name } = meter;
      const payload = { stripe_customer_id: 'c', value: '1' };
      const archived = await createMeter(client);
      await client.billing.meters.deactivate(archived.id);
      const missing = unique('missing');

      const cases: readonly (readonly [
        code: string,
        params: Stripe.V2.Billing.MeterEventCreateParams,
        message: RegExp,
      ])[] = [
        ['no_meter', { event_name: missing, payload }, new RegExp(missing, 'u')],
        ['archived_meter', { event_name: archived.event_name, payload }, /./u],
        [
          'payload_no_customer_defined',
          { event_name, payload: { value: '1' } },
          /^Customer mapping key stripe_customer_id not found in payload\.$/u,
        ],
        [
          'payload_no_value_defined',
          { event_name, payload: { stripe_customer_id: 'c' } },
          /^Value key value not found/u,
        ],
        ...['abc', '+5', ' 1', '0x10', 'NaN', '1e400', '0.0000000000001'].map(
          (value) =>
            [
              'payload_invalid_value',
              { event_name, payload: { ...payload, value } },
              /Received .+\.$/u,
            ] as const,
        ),
        [
          'timestamp_too_far_in_past',
          v2Event(meter, { timestamp: isoOf(0) }),
          /more than 35 days in past\. Expected a timestamp greater than or equal to \d+\.$/u,
        ],
        [
          'timestamp_in_future',
          v2Event(meter, { timestamp: isoOf(nowS() + 400) }),
          /^The event timestamp cannot be in future\.$/u,
        ],
      ];
      for (const [code, params, message] of cases) {
        const error = await refused400(create(params), { code, message }, line);
        assert.equal(error.rawType, undefined, code);
        assert.equal(error.headers?.['stripe-should-retry'], 'false');
      }
      assert.equal(await sumOf(meter), '0');
    });

    test('v1 and v2 share their identifiers', async () => {
      const own = await createMeter(client);
      const [first, second] = [unique('evt'), unique('evt')];
      await sendEvent(client, own, { customer: 'c', identifier: first, timestamp: start });
      await client.v2.billing.meterEvents.create(v2Event(own, { identifier: second, timestamp }));
      for (const identifier of [first, second]) {
        await refused400(
          client.v2.billing.meterEvents.create(v2Event(own, { identifier, timestamp })),
          {
            code: 'duplicate_meter_event',
            message: /^An event already exists with identifier evt\S+\. .* the same content\.$/u,
          },
          line,
        );
      }
      await refused400(
        sendEvent(client, own, { customer: 'c', identifier: second, timestamp: start }),
        { code: 'duplicate_meter_event' },
        line,
      );
      assert.equal(await sumOf(own), '2');
      await cancelEvent(client, own, second);
      assert.equal(await sumOf(own), '1');
    });

    test('a wrong key is a StripeAuthenticationError', async () => {
      const wrong = newClient(server, { line, key: 'sk_test_wrong' });
      await refused(
        wrong.v2.billing.meterEvents.create(v2Event(meter)),
        { type: 'StripeAuthenticationError', status: 401, code: 'key_invalid' },
        line,
      );
    });

    test('bad fields are StripeInvalidRequestErrors', async () => {
      const params = { event_name: meter.event_name } as Stripe.V2.Billing.MeterEventCreateParams;
      await refused400(
        client.v2.billing.meterEvents.create(params),
        { code: 'invalid_fields', message: 'Missing required param: payload.' },
        line,
      );
    });
  });
}

describe('times', () => {
  test('any offset is read, milliseconds are kept, what is finer is cut', async () => {
    const meter = await createMeter(newClient(server));
    const day = isoOf(start).slice(0, 10);
    const next = isoOf(start + DAY_S).slice(0, 10);
    for (const [sent, answered] of [
      [`${day}T10:00:00Z`, `${day}T10:00:00.000Z`],
      [`${day}T10:00:00.5Z`, `${day}T10:00:00.500Z`],
      [`${day}T10:00:00.123999Z`, `${day}T10:00:00.123Z`],
      [`${day}t10:00:00z`, `${day}T10:00:00.000Z`],
      [`${day}T10:00:00-00:00`, `${day}T10:00:00.000Z`],
      [`${day}T10:00:00+05:30`, `${day}T04:30:00.000Z`],
      [`${day}T20:00:00.001-08:00`, `${next}T04:00:00.001Z`],
    ] as const) {
      const answer = await postJson(server, {
        path: V2_EVENTS,
        body: v2Event(meter, { timestamp: sent }),
      });
      assert.equal(answer.status, 200, answer.text);
      assert.equal((JSON.parse(answer.text) as { timestamp: string }).timestamp, answered);
    }
    assert.equal(await sumOf(meter), '7');
  });

  test('of one second, the last by its milliseconds is the last', async () => {
    const meter = await createMeter(newClient(server), { formula: 'last' });
    for (const [value, ms] of [
      ['1', '900'],
      ['2', '100'],
    ] as const) {
      const at = isoOf(start + HOUR_S).replace('.000Z', `.${ms}Z`);
      const body = v2Event(meter, { value, timestamp: at });
      assert.equal((await postJson(server, { path: V2_EVENTS, body })).status, 200);
    }
    assert.equal(await sumOf(meter), '1');
  });
});

describe('a refused body changes nothing, and names the field', () => {
  let meter: Stripe.Billing.Meter;
  before(async () => {
    meter = await createMeter(newClient(server));
  });
  after(async () => {
    assert.equal(await sumOf(meter), '0');
  });

  /** Undefined leaves a field out. */
  const fields: readonly (readonly [Readonly<Record<string, unknown>>, field: string])[] = [
    [{ event_name: undefined }, 'event_name'],
    [{ event_name: null }, 'event_name'],
    [{ event_name: '' }, 'event_name'],
    [{ event_name: 5 }, 'event_name'],
    [{ event_name: 'x'.repeat(101) }, 'event_name'],
    [{ event_name: { a: 'b' } }, 'event_name'],
    [{ payload: undefined }, 'payload'],
    [{ payload: null }, 'payload'],
    [{ payload: 'x' }, 'payload'],
    [{ payload: '' }, 'payload'],
    [{ payload: ['x'] }, 'payload'],
    [{ payload: { stripe_customer_id: 'c', value: 1 } }, 'payload[value]'],
    [{ payload: { stripe_customer_id: 'c', value: '1', tags: ['x'] } }, 'payload[tags]'],
    [{ payload: { stripe_customer_id: 'c', value: '1', tag: true } }, 'payload[tag]'],
    [{ payload: { stripe_customer_id: 'c', value: '1', tag: { a: 'b' } } }, 'payload[tag]'],
    [{ payload: { stripe_customer_id: 'c', value: '1', tag: 'x'.repeat(101) } }, 'payload[tag]'],
    [{ identifier: 5 }, 'identifier'],
    [{ identifier: '' }, 'identifier'],
    [{ identifier: 'x'.repeat(101) }, 'identifier'],
    [{ identifier: '\ud83d' }, 'identifier'],
    [{ timestamp: 1_717_243_200.5 }, 'timestamp'],
    [{ timestamp: '1717243200.0' }, 'timestamp'],
    [{ timestamp: '' }, 'timestamp'],
    [{ timestamp: '2024-06-01' }, 'timestamp'],
    [{ timestamp: '2023-02-29T00:00:00Z' }, 'timestamp'],
    [{ timestamp: { a: 'b' } }, 'timestamp'],
    [{ expand: ['x'] }, 'expand'],
    [{ customer: 'x' }, 'customer'],
    [{ constructor: 'x' }, 'constructor'],
  ];
  for (const [changed, field] of fields) {
    test(`${JSON.stringify(changed).slice(0, 60)}`, async () => {
      const body = { ...v2Event(meter, { timestamp }), ...changed };
      const answer = await postJson(server, { path: V2_EVENTS, body });
      assert.equal(answer.status, 400, answer.text);
      const { code, message, type } = v2ErrorOf(answer);
      assert.equal(code, 'invalid_fields');
      assert.equal(type, undefined);
      assert.ok(message.includes(field), message);
    });
  }

  test('what is no JSON object', async () => {
    for (const body of ['{', '[]', 'null', '"x"', 'event_name=x', '\u0000']) {
      const answer = await postJson(server, { path: V2_EVENTS, body });
      assert.equal(answer.status, 400, body);
      assert.equal(v2ErrorOf(answer).code, 'body_invalid', body);
    }
  });

  test('a body of nothing is that of an empty object', async () => {
    for (const body of ['', '{}']) {
      const answer = await postJson(server, { path: V2_EVENTS, body });
      assert.equal(v2ErrorOf(answer).message, 'Missing required param: event_name.');
    }
  });

  test('a form, and JSON under the name of one', async () => {
    for (const body of ['event_name=x', JSON.stringify(v2Event(meter))]) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await postJson(server, { path: V2_EVENTS, body, headers });
      assert.equal(answer.status, 400);
      assert.match(v2ErrorOf(answer).message, /application\/json/u);
    }
  });

  test('parameters in the query', async () => {
    const path = `${V2_EVENTS}?identifier=x`;
    const answer = await postJson(server, { path, body: v2Event(meter) });
    assert.equal(answer.status, 400);
    assert.equal(v2ErrorOf(answer).message, 'Received unknown parameter: identifier');
  });

  test('deep and wide bodies, and those over 1 MiB', async () => {
    const deep = `${'{"a":'.repeat(50_000)}"x"${'}'.repeat(50_000)}`;
    const wide = JSON.stringify(
      Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [n, ''])),
    );
    const inPayload = `{"payload":${wide}}`;
    for (const [body, code] of [
      [deep, 'body_invalid'],
      [wide, 'invalid_fields'],
      [inPayload, 'body_invalid'],
    ] as const) {
      const answer = await postJson(server, { path: V2_EVENTS, body });
      assert.equal(answer.status, 400);
      assert.equal(v2ErrorOf(answer).code, code);
    }
    const large = await postLength(server, V2_EVENTS, 2 ** 20 + 1);
    assert.equal(large.status, 413);
    assert.equal(v2ErrorOf(large).code, 'body_too_large');
  });
});

test('names that objects are born with are keys of a payload like any other', async () => {
  const meter = await createMeter(newClient(server));
  const payload = '{"stripe_customer_id":"c","value":"1","__proto__":"a","constructor":"b"}';
  const body = `{"event_name":"${meter.event_name}","timestamp":"${timestamp}","payload":${payload}}`;
  const answer = await postJson(server, { path: V2_EVENTS, body });
  assert.equal(answer.status, 200, answer.text);
  assert.ok(answer.text.includes(`"payload":${payload}`), answer.text);
});

describe('the envelope', () => {
  test('has a code and a message, and no type where SDKs have no class for it', async () => {
    const body = { payload: {} };
    const answer = await postJson(server, { path: V2_EVENTS, body });
    assert.equal(
      answer.text,
      '{"error":{"code":"invalid_fields","message":"Missing required param: event_name."}}',
    );
    assert.equal(answer.headers['stripe-should-retry'], 'false');
  });

  test('of an unknown URL and of another method is 404', async () => {
    for (const [method, path] of [
      ['POST', '/v2/billing/nope'],
      ['POST', '/v2/'],
      ['GET', V2_EVENTS],
      ['DELETE', `${V2_EVENTS}/x`],
    ] as const) {
      const answer = await call(server, { method, path });
      assert.equal(answer.status, 404);
      const { code, message } = v2ErrorOf(answer);
      assert.equal(code, 'not_found');
      assert.ok(message.startsWith(`Unrecognized request URL (${method}: ${path})`), message);
    }
  });

  test('without a key is 401', async () => {
    const answer = await postJson(server, { path: V2_EVENTS, body: {}, key: null });
    assert.equal(answer.status, 401);
    assert.equal(v2ErrorOf(answer).code, 'key_missing');
    assert.equal(v2ErrorOf(answer).type, undefined);
  });

  test('of a customer that must be registered and is not', async () => {
    const own = await Server.start({ args: ['--customers', 'registered'] });
    try {
      const client = newClient(own);
      const meter = await createMeter(client);
      const create = async (customer: string): Promise<unknown> =>
        await client.v2.billing.meterEvents.create(v2Event(meter, { customer }));
      await refused400(create('cus_none'), {
        code: 'resource_missing',
        message: "No such customer: 'cus_none'",
      });
      await create((await client.customers.create()).id);
    } finally {
      await own.remove();
    }
  });
});

test('the modes are worlds of their own', async () => {
  const meter = await createMeter(newClient(server));
  const live = newClient(server, { key: LIVE_KEY });
  await refused400(live.v2.billing.meterEvents.create(v2Event(meter)), { code: 'no_meter' });
  const liveMeter = await createMeter(live, { event_name: meter.event_name });
  const event = v2Event(meter, { identifier: unique('evt'), timestamp });
  await newClient(server).v2.billing.meterEvents.create(event);
  const answered = await live.v2.billing.meterEvents.create(event);
  assert.equal(answered.livemode, true);
  const range = { start_time: start, end_time: start + DAY_S };
  const query = { meter: liveMeter.id, customer: 'c', ...range, key: LIVE_KEY };
  assert.equal(await total(server, query), '1');
});
