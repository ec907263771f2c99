import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { call, type Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, refused, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S } from '../support/times.ts';
import { isoOf, postJson, v2ErrorOf, v2Event, V2_ADJUSTMENTS, V2_EVENTS } from '../support/v2.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

const start = dayStart(2);
const timestamp = isoOf(start);
const range = { start_time: start, end_time: start + 3 * DAY_S };

async function post(
  path: string,
  body: unknown,
  idempotencyKey: string,
  to: { readonly url: string } = server,
): Promise<Answer> {
  return await postJson(to, { path, body, headers: { 'idempotency-key': idempotencyKey } });
}

/** The second answer is the first one, byte for byte, and says so. */
function assertReplay(first: Answer, second: Answer): void {
  assert.equal(first.status, 200, first.text);
  assert.equal(first.headers['idempotent-replayed'], undefined);
  assert.equal(second.headers['idempotent-replayed'], 'true', second.text);
  assert.equal(second.status, 200);
  assert.equal(second.text, first.text);
}

function assertMismatch(answer: Answer, key: string): void {
  assert.equal(answer.status, 409, answer.text);
  const { type, code, message } = v2ErrorOf(answer);
  assert.equal(type, 'idempotency_error');
  assert.equal(code, 'idempotency_error');
  assert.ok(message.includes(`'${key}'`), message);
  assert.equal(answer.headers['stripe-should-retry'], 'false');
}

function adjustmentOf({ event_name }: Stripe.Billing.Meter, identifier: string): object {
  return { type: 'cancel', event_name, cancel: { identifier } };
}

describe('a repeated key', () => {
  test('replays the first answer, of an event and of an adjustment', async () => {
    const meter = await createMeter(newClient(server));
    // Without an identifier and a timestamp: both have to come again.
    const [key, other] = [unique('key'), unique('key')];
    const first = await post(V2_EVENTS, v2Event(meter), key);
    assertReplay(first, await post(V2_EVENTS, v2Event(meter), key));
    assert.equal(first.headers['idempotency-key'], key);
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');

    const { identifier } = JSON.parse(first.text) as { identifier: string };
    const cancelled = await post(V2_ADJUSTMENTS, adjustmentOf(meter, identifier), other);
    assertReplay(cancelled, await post(V2_ADJUSTMENTS, adjustmentOf(meter, identifier), other));
    const third = unique('key');
    const again = await post(V2_ADJUSTMENTS, adjustmentOf(meter, identifier), third);
    assertReplay(again, await post(V2_ADJUSTMENTS, adjustmentOf(meter, identifier), third));
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '0');
  });

  test('replays whatever the spelling of the same fields', async () => {
    const meter = await createMeter(newClient(server));
    const key = unique('key');
    const { payload, ...fields } = v2Event(meter, { timestamp, identifier: unique('evt') });
    const first = await post(V2_EVENTS, { ...fields, payload }, key);
    assertReplay(first, await post(V2_EVENTS, { payload, ...fields }, key));
    const spaced = JSON.stringify({ ...fields, payload }, null, 2);
    assertReplay(first, await post(V2_EVENTS, spaced.replace('"value"', '"\\u0076alue"'), key));
  });

  test('with another body, or at another URL, is 409 for good', async () => {
    const meter = await createMeter(newClient(server));
    const key = unique('key');
    await post(V2_EVENTS, v2Event(meter, { timestamp }), key);
    assertMismatch(await post(V2_EVENTS, v2Event(meter, { timestamp, value: '2' }), key), key);
    assertMismatch(await post(V2_EVENTS, v2Event(meter), key), key);
    assertMismatch(await post(V2_ADJUSTMENTS, adjustmentOf(meter, 'x'), key), key);
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
  });

  test('is one key over v1 and v2, each of which refuses it in its own way', async () => {
    const meter = await createMeter(newClient(server));
    const [first, second] = [unique('key'), unique('key')];
    const form = {
      event_name: meter.event_name,
      'payload[stripe_customer_id]': 'c',
      'payload[value]': '1',
      timestamp: start,
    };
    const postForm = async (key: string): Promise<Answer> =>
      await call(server, {
        path: '/v1/billing/meter_events',
        body: form,
        headers: { 'idempotency-key': key },
      });
    assert.equal((await postForm(first)).status, 200);
    assertMismatch(await post(V2_EVENTS, v2Event(meter, { timestamp }), first), first);
    assert.equal((await post(V2_EVENTS, v2Event(meter, { timestamp }), second)).status, 200);
    const refusedForm = await postForm(second);
    assert.equal(refusedForm.status, 400);
    assert.match(refusedForm.text, /"type":"idempotency_error"/u);
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '2');
  });

  test('is another key in the other mode', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const live = newClient(server, { key: LIVE_KEY });
    await createMeter(live, { event_name: meter.event_name });
    const key = unique('key');
    const first = await post(V2_EVENTS, v2Event(meter), key);
    const headers = { 'idempotency-key': key };
    const body = v2Event(meter);
    const other = await postJson(server, { path: V2_EVENTS, body, headers, key: LIVE_KEY });
    assert.equal(other.status, 200, other.text);
    assert.equal(other.headers['idempotent-replayed'], undefined);
    assert.notEqual(other.text, first.text);
  });

  test('after a failure runs again', async () => {
    const client = newClient(server);
    const event_name = unique('later');
    const key = unique('key');
    const early = await post(V2_EVENTS, v2Event({ event_name }, { timestamp }), key);
    assert.equal(v2ErrorOf(early).code, 'no_meter');
    const meter = await createMeter(client, { event_name });
    const first = await post(V2_EVENTS, v2Event(meter, { timestamp }), key);
    assertReplay(first, await post(V2_EVENTS, v2Event(meter, { timestamp }), key));
  });

  test('must be 1 to 255 characters, and is not required', async () => {
    const meter = await createMeter(newClient(server));
    for (const key of ['', 'x'.repeat(256)]) {
      const answer = await post(V2_EVENTS, v2Event(meter), key);
      assert.equal(v2ErrorOf(answer).code, 'invalid_fields');
    }
    assert.equal((await post(V2_EVENTS, v2Event(meter), 'x'.repeat(255))).status, 200);
    const keyless = await postJson(server, { path: V2_EVENTS, body: v2Event(meter) });
    assert.equal(keyless.status, 200);
  });
});

test('one key in flight many times: each is the first answer or 409, and it counts once', async () => {
  for (let round = 0; round < 8; round++) {
    const meter = await createMeter(newClient(server));
    const key = unique('key');
    const answers = await Promise.all(
      Array.from({ length: 24 }, async () => await post(V2_EVENTS, v2Event(meter), key)),
    );
    const good = answers.filter(({ status }) => status === 200);
    assert.equal(new Set(good.map(({ text }) => text)).size, 1);
    for (const answer of answers) {
      if (answer.status === 200) continue;
      assert.equal(answer.status, 409, answer.text);
      assert.equal(v2ErrorOf(answer).code, 'idempotency_key_in_use');
      assert.notEqual(answer.headers['stripe-should-retry'], 'false');
    }
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
  }
});

for (const line of SDK_LINES) {
  test(`through ${line.name}`, async () => {
    const client = newClient(server, { line });
    const meter = await createMeter(client);
    const idempotencyKey = unique('key');
    const send = async (value: string): Promise<Stripe.V2.Billing.MeterEvent> =>
      await client.v2.billing.meterEvents.create(v2Event(meter, { value }), { idempotencyKey });
    assert.deepEqual(await send('1'), await send('1'));
    await refused(
      send('2'),
      { type: 'StripeIdempotencyError', status: 409, code: 'idempotency_error' },
      line,
    );
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
  });
}

test('answers are replayed after a restart, a kill -9 and almost a day', async () => {
  const own = await Server.start();
  try {
    const meter = await createMeter(newClient(own));
    const key = unique('key');
    const event = await post(V2_EVENTS, v2Event(meter), key, own);
    const { identifier } = JSON.parse(event.text) as { identifier: string };
    const adjustmentKey = unique('key');
    const adjustment = adjustmentOf(meter, identifier);
    const cancelled = await post(V2_ADJUSTMENTS, adjustment, adjustmentKey, own);
    await own.kill();
    await own.restart();
    assertReplay(event, await post(V2_EVENTS, v2Event(meter), key, own));
    assertReplay(cancelled, await post(V2_ADJUSTMENTS, adjustment, adjustmentKey, own));
    await own.stop();
    await own.restart({ clockShiftS: 23 * HOUR_S });
    assertReplay(event, await post(V2_EVENTS, v2Event(meter), key, own));
    assertReplay(cancelled, await post(V2_ADJUSTMENTS, adjustment, adjustmentKey, own));
  } finally {
    await own.remove();
  }
});
