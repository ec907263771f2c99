import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { cancelEvent, createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf, toForm, type Answer } from '../support/http.ts';
import { DroppingProxy } from '../support/proxy.ts';
import { unique } from '../support/random.ts';
import { newClient, refused, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S } from '../support/times.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

const EVENTS = '/v1/billing/meter_events';
const start = dayStart(1);
const range = { start_time: start, end_time: start + DAY_S };

function mismatch(key: string): string {
  return (
    'Keys for idempotent requests can only be used with the same parameters they were first used ' +
    `with. Try using a key other than '${key}' if you meant to execute a different request.`
  );
}

/** Posts with a key, as many times as asked, to whichever server. */
async function post(
  origin: { readonly url: string },
  path: string,
  body: Readonly<Record<string, string | number>> | string,
  idempotencyKey: string,
  key?: string,
): Promise<Answer> {
  return await call(origin, {
    path,
    body,
    headers: { 'idempotency-key': idempotencyKey },
    ...(key === undefined ? {} : { key }),
  });
}

function eventBody(
  meter: { readonly event_name: string },
  customer: string,
  value = '1',
): Record<string, string | number> {
  return {
    event_name: meter.event_name,
    'payload[stripe_customer_id]': customer,
    'payload[value]': value,
    timestamp: start,
  };
}

/** The second answer is the first one, byte for byte, and says so. */
function assertReplay(first: Answer, second: Answer): void {
  assert.equal(first.status, 200, first.text);
  assert.equal(first.headers['idempotent-replayed'], undefined);
  assert.equal(second.headers['idempotent-replayed'], 'true', second.text);
  assert.equal(second.status, first.status);
  assert.equal(second.text, first.text);
}

describe('a repeated key', () => {
  test('replays the first answer, byte for byte', async () => {
    const meter = await createMeter(newClient(server));
    const key = unique('key');
    const first = await post(server, EVENTS, eventBody(meter, 'c'), key);
    const second = await post(server, EVENTS, eventBody(meter, 'c'), key);
    assertReplay(first, second);
    assert.equal(first.headers['idempotency-key'], key);
    assert.equal(second.headers['idempotency-key'], key);
    assert.match(second.headers['request-id']?.toString() ?? '', /^req_\w+$/u);
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
  });

  test('replays whatever spelling or order the same parameters have', async () => {
    const meter = await createMeter(newClient(server));
    const key = unique('key');
    const body = eventBody(meter, 'c');
    const first = await post(server, EVENTS, body, key);
    const turned = Object.fromEntries(Object.entries(body).toReversed());
    const encoded = toForm(turned).replaceAll('[', '%5B').replaceAll(']', '%5D');
    const second = await post(server, EVENTS, encoded, key);
    assert.equal(second.headers['idempotent-replayed'], 'true', second.text);
    assert.deepEqual(JSON.parse(second.text), JSON.parse(first.text));
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
  });

  test('with other parameters, or at another URL, is an idempotency_error', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const key = unique('key');
    await post(server, EVENTS, eventBody(meter, 'c'), key);
    const other = await post(server, EVENTS, eventBody(meter, 'c', '2'), key);
    assert.equal(other.status, 400);
    assert.deepEqual(errorOf(other), { type: 'idempotency_error', message: mismatch(key) });
    const elsewhere = await post(server, '/v1/customers', { name: 'x' }, key);
    assert.equal(errorOf(elsewhere).type, 'idempotency_error');
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
  });

  test('is another key in the other mode', async () => {
    const key = unique('key');
    const body = { name: 'both modes' };
    const inTest = await post(server, '/v1/customers', body, key);
    const inLive = await post(server, '/v1/customers', body, key, LIVE_KEY);
    assert.equal(inLive.status, 200);
    assert.equal(inLive.headers['idempotent-replayed'], undefined);
    assert.notEqual(inLive.text, inTest.text);
  });

  test('after a refusal is as good as new', async () => {
    const meter = await createMeter(newClient(server));
    const key = unique('key');
    const refusals = [
      { ...eventBody(meter, 'c'), 'payload[value]': 'many' },
      { ...eventBody(meter, 'c'), nope: '1' },
      { ...eventBody(meter, 'c'), event_name: unique('none') },
    ];
    for (const body of refusals) {
      assert.equal((await post(server, EVENTS, body, key)).status, 400);
    }
    const accepted = await post(server, EVENTS, eventBody(meter, 'c'), key);
    assert.equal(accepted.status, 200, accepted.text);
    assert.equal(accepted.headers['idempotent-replayed'], undefined);
  });

  test('does nothing on a GET', async () => {
    const key = unique('key');
    const headers = { 'idempotency-key': key };
    const customer = await newClient(server).customers.create();
    for (const path of ['/v1/customers', `/v1/customers/${customer.id}`]) {
      const answer = await call(server, { path, headers });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['idempotent-replayed'], undefined);
    }
    assert.equal((await post(server, '/v1/customers', {}, key)).status, 200);
  });

  test('of 255 characters is taken, a longer or empty one is refused', async () => {
    const longest = unique('key').padEnd(255, 'k');
    assertReplay(
      await post(server, '/v1/customers', {}, longest),
      await post(server, '/v1/customers', {}, longest),
    );
    assert.equal((await post(server, '/v1/customers', {}, `${longest}k`)).status, 400);
  });
});

describe('every POST replays', () => {
  test('meters, customers, updates, transitions and adjustments', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const customer = await client.customers.create({ metadata: { n: '0' } });
    const identifier = unique('id');
    await sendEvent(client, meter, { customer: 'c', identifier, timestamp: start });
    const posts: readonly (readonly [string, Record<string, string>])[] = [
      [
        '/v1/billing/meters',
        {
          display_name: 'Twice',
          event_name: unique('twice'),
          'default_aggregation[formula]': 'sum',
        },
      ],
      [`/v1/billing/meters/${meter.id}`, { display_name: 'Renamed' }],
      [`/v1/billing/meters/${meter.id}/deactivate`, {}],
      [`/v1/billing/meters/${meter.id}/reactivate`, {}],
      ['/v1/customers', { name: 'Twice' }],
      [`/v1/customers/${customer.id}`, { 'metadata[n]': '1' }],
      [
        '/v1/billing/meter_event_adjustments',
        { type: 'cancel', event_name: meter.event_name, 'cancel[identifier]': identifier },
      ],
      [EVENTS, { ...eventBody(meter, 'c'), timestamp: String(start) }],
    ];
    const customersBefore = (await client.customers.list({ limit: 100 })).data.length;
    for (const [path, body] of posts) {
      const key = unique('key');
      assertReplay(await post(server, path, body, key), await post(server, path, body, key));
    }
    assert.equal((await client.customers.list({ limit: 100 })).data.length, customersBefore + 1);
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
  });

  test('a replay does not undo what came after it', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const key = unique('key');
    const path = `/v1/billing/meters/${meter.id}`;
    await post(server, path, { display_name: 'First' }, key);
    await client.billing.meters.update(meter.id, { display_name: 'Second' });
    await post(server, path, { display_name: 'First' }, key);
    assert.equal((await client.billing.meters.retrieve(meter.id)).display_name, 'Second');
  });
});

describe('keys and identifiers are independent', () => {
  test('same key and same identifier: a replay; another key and same identifier: a duplicate', async () => {
    const meter = await createMeter(newClient(server));
    const key = unique('key');
    const body = { ...eventBody(meter, 'c'), identifier: unique('id') };
    const first = await post(server, EVENTS, body, key);
    assertReplay(first, await post(server, EVENTS, body, key));
    const other = await post(server, EVENTS, body, unique('key'));
    assert.equal(other.status, 400);
    assert.equal(errorOf(other).code, 'duplicate_meter_event');
    assertReplay(first, await post(server, EVENTS, body, key));
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
  });
});

for (const line of SDK_LINES) {
  describe(`through ${line.name}`, () => {
    test('idempotencyKey replays, and a mismatch is a StripeIdempotencyError', async () => {
      const client = newClient(server, { line });
      const meter = await createMeter(client);
      const idempotencyKey = unique('key');
      const event = { customer: 'c', timestamp: start };
      const first = await sendEvent(client, meter, event, { idempotencyKey });
      assert.deepEqual(await sendEvent(client, meter, event, { idempotencyKey }), first);
      await refused(
        sendEvent(client, meter, { ...event, value: '2' }, { idempotencyKey }),
        {
          type: 'StripeIdempotencyError',
          status: 400,
          code: null,
          param: null,
          message: mismatch(idempotencyKey),
        },
        line,
      );
      assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
    });

    test('lastResponse carries request id, key and version', async () => {
      const client = newClient(server, { line });
      const idempotencyKey = unique('key');
      const { lastResponse } = await client.customers.create({}, { idempotencyKey });
      assert.match(lastResponse.requestId, /^req_\w+$/u);
      assert.equal(lastResponse.idempotencyKey, idempotencyKey);
      assert.equal(lastResponse.apiVersion, client.getApiField('version'));
      assert.equal(lastResponse.statusCode, 200);
    });
  });
}

describe('in flight at the same time', () => {
  test('one key, many requests: each is the first answer or 409, and it counts once', async () => {
    for (let round = 0; round < 8; round++) {
      const meter = await createMeter(newClient(server));
      const key = unique('key');
      const answers = await Promise.all(
        Array.from(
          { length: 24 },
          async () => await post(server, EVENTS, eventBody(meter, 'c'), key),
        ),
      );
      const good = answers.filter(({ status }) => status === 200);
      assert.ok(good.length >= 1);
      assert.equal(new Set(good.map(({ text }) => text)).size, 1);
      assert.equal(good.filter(({ headers }) => !headers['idempotent-replayed']).length, 1);
      for (const answer of answers) {
        if (answer.status === 200) continue;
        assert.equal(answer.status, 409, answer.text);
        assert.equal(errorOf(answer).code, 'idempotency_key_in_use');
        assert.notEqual(answer.headers['stripe-should-retry'], 'false');
      }
      assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
      assertReplay(
        good.find(({ headers }) => !headers['idempotent-replayed']) as Answer,
        await post(server, EVENTS, eventBody(meter, 'c'), key),
      );
    }
  });

  test('one key, many customer creates: one customer', async () => {
    const client = newClient(server);
    const email = `${unique('race')}@example.com`;
    const key = unique('key');
    const answers = await Promise.all(
      Array.from({ length: 24 }, async () => await post(server, '/v1/customers', { email }, key)),
    );
    for (const { status } of answers) assert.ok(status === 200 || status === 409);
    assert.equal((await client.customers.list({ email })).data.length, 1);
  });

  test('one key, other parameters: one of them counts', async () => {
    const meter = await createMeter(newClient(server));
    const key = unique('key');
    const answers = await Promise.all(
      Array.from(
        { length: 24 },
        async (_, n) => await post(server, EVENTS, eventBody(meter, 'c', String(n + 1)), key),
      ),
    );
    const [winner, ...others] = answers.filter(({ status }) => status === 200);
    assert.deepEqual(others, []);
    for (const answer of answers) {
      if (answer.status === 400) assert.equal(errorOf(answer).type, 'idempotency_error');
      else if (answer.status !== 200) assert.equal(answer.status, 409);
    }
    const { payload } = JSON.parse(winner?.text ?? '') as Stripe.Billing.MeterEvent;
    const sum = await total(server, { meter: meter.id, customer: 'c', ...range });
    assert.equal(sum, payload['value']);
  });

  test('an SDK that meets 409 retries on its own and gets the answer', async () => {
    const client = newClient(server, { maxNetworkRetries: 4 });
    const meter = await createMeter(client);
    const idempotencyKey = unique('key');
    const events = await Promise.all(
      Array.from(
        { length: 12 },
        async () =>
          await sendEvent(client, meter, { customer: 'c', timestamp: start }, { idempotencyKey }),
      ),
    );
    assert.equal(new Set(events.map(({ identifier }) => identifier)).size, 1);
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
  });
});

for (const line of SDK_LINES) {
  describe(`an answer lost on the way, ${line.name}`, () => {
    let proxy: DroppingProxy;
    let client: Stripe;
    beforeEach(async () => {
      proxy = await DroppingProxy.start(server);
      client = newClient(proxy, { line });
    });
    afterEach(async () => {
      await proxy.close();
    });

    /** The SDK sent the same request twice: the first was answered and lost, the second was a replay. */
    function assertRetried(path: string): void {
      const sent = proxy.seen.filter((request) => request.path === path);
      assert.equal(sent.length, 2);
      const [lost, retry] = sent;
      assert.equal(lost?.dropped, true);
      assert.equal(lost.status, 200);
      assert.equal(retry?.dropped, false);
      assert.ok(retry.idempotencyKey !== undefined);
      assert.equal(retry.idempotencyKey, lost.idempotencyKey);
      assert.equal(retry.body, lost.body);
      assert.equal(retry.answer, lost.answer);
    }

    test('an event without identifier counts once', async () => {
      const meter = await createMeter(client);
      proxy.dropAnswer();
      const event = await sendEvent(client, meter, { customer: 'c', timestamp: start });
      assertRetried(EVENTS);
      assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
      await refused400(
        sendEvent(client, meter, { customer: 'c', identifier: event.identifier }),
        { code: 'duplicate_meter_event' },
        line,
      );
    });

    test('an event with an identifier is answered with success, not as a duplicate', async () => {
      const meter = await createMeter(client);
      const identifier = unique('id');
      proxy.dropAnswer();
      const event = await sendEvent(client, meter, { customer: 'c', timestamp: start, identifier });
      assert.equal(event.identifier, identifier);
      assertRetried(EVENTS);
      assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
    });

    test('a meter, a customer and an adjustment are made once', async () => {
      proxy.dropAnswer();
      const meter = await createMeter(client);
      assertRetried('/v1/billing/meters');
      proxy.dropAnswer();
      const email = `${unique('lost')}@example.com`;
      const customer = await client.customers.create({ email });
      assertRetried('/v1/customers');
      assert.deepEqual((await client.customers.list({ email })).data, [customer]);
      const identifier = unique('id');
      await sendEvent(client, meter, { customer: 'c', timestamp: start, identifier });
      proxy.dropAnswer();
      await cancelEvent(client, meter, identifier);
      assertRetried('/v1/billing/meter_event_adjustments');
      assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '0');
    });

    test('lost twice, sent three times, counted once', async () => {
      const meter = await createMeter(client);
      proxy.dropAnswer(1);
      proxy.dropAnswer(2);
      await sendEvent(client, meter, { customer: 'c', timestamp: start });
      assert.equal(proxy.seen.filter(({ path }) => path === EVENTS).length, 3);
      assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
    });
  });
}

describe('keys over restarts', () => {
  let own: Server;
  beforeEach(async () => {
    own = await Server.start();
  });
  afterEach(async () => {
    await own.remove();
  });

  const crashes = {
    'a restart': async () => {
      assert.equal((await own.stop()).code, 0);
      await own.restart();
    },
    'a kill -9': async () => {
      await own.kill();
      await own.restart();
    },
    'almost a day': async () => {
      assert.equal((await own.stop()).code, 0);
      await own.restart({ clockShiftS: 23 * HOUR_S });
    },
  };
  for (const [name, crash] of Object.entries(crashes)) {
    test(`answers are replayed after ${name}`, async () => {
      const meter = await createMeter(newClient(own));
      const identifier = 'to be cancelled';
      await sendEvent(newClient(own), meter, { customer: 'c', timestamp: start, identifier });
      const posts: readonly (readonly [string, Record<string, string | number>])[] = [
        [EVENTS, eventBody(meter, 'c', '5')],
        [EVENTS, { ...eventBody(meter, 'c', '7'), identifier: 'with identifier' }],
        ['/v1/customers', { name: 'once' }],
        [`/v1/billing/meters/${meter.id}`, { display_name: 'once' }],
        [
          '/v1/billing/meter_event_adjustments',
          { type: 'cancel', event_name: meter.event_name, 'cancel[identifier]': identifier },
        ],
      ];
      const firsts: Answer[] = [];
      for (const [index, [path, body]] of posts.entries()) {
        firsts.push(await post(own, path, body, `key ${index}`));
      }
      await crash();
      for (const [index, [path, body]] of posts.entries()) {
        assertReplay(firsts[index] as Answer, await post(own, path, body, `key ${index}`));
        const other = { ...body, event_name: 'another' };
        const refused = await post(own, path, other, `key ${index}`);
        assert.equal(refused.status, 400, refused.text);
      }
      const mismatched = await post(own, EVENTS, eventBody(meter, 'c', '6'), 'key 0');
      assert.deepEqual(errorOf(mismatched), {
        type: 'idempotency_error',
        message: mismatch('key 0'),
      });
      assert.equal((await newClient(own).customers.list()).data.length, 1);
      assert.equal(await total(own, { meter: meter.id, customer: 'c', ...range }), '12');
    });
  }

  test('a crash between the answer and its arrival: the SDK’s retry counts once', async () => {
    const proxy = await DroppingProxy.start(own);
    try {
      for (const line of SDK_LINES) {
        const client = newClient(proxy, { line });
        const meter = await createMeter(client);
        proxy.dropAnswer(1, async () => {
          await own.kill();
          await own.restart();
        });
        const event = await sendEvent(client, meter, { customer: 'c', timestamp: start });
        const [lost, retry] = proxy.seen.filter(({ path }) => path === EVENTS).slice(-2);
        assert.equal(retry?.answer, lost?.answer);
        assert.equal(lost?.dropped, true);
        assert.equal(await total(own, { meter: meter.id, customer: 'c', ...range }), '1');
        await cancelEvent(client, meter, event.identifier);
        assert.equal(await total(own, { meter: meter.id, customer: 'c', ...range }), '0');
      }
    } finally {
      await proxy.close();
    }
  });
});
