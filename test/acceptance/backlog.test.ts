/**
 * P10: a usage store that takes no inserts. Ingest goes on until the journal holds what it may, then every write
 * is a 429, and nothing that was acknowledged is lost.
 */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cancelEvent, createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf, type Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, refused, SDK_LINES, type SdkLine, type Stripe } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { openStream, postStream, tell } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import {
  isoOf,
  postJson,
  sendToStream,
  v2ErrorOf,
  v2Event,
  V2_ADJUSTMENTS,
  V2_EVENTS,
} from '../support/v2.ts';
import { until } from '../support/wait.ts';

const BYTES_MAX = 1_000_000;
const args = ['--journal-bytes-max', String(BYTES_MAX)];
const start = dayStart(2);
const timestamp = isoOf(start);
const query = { start_time: start, end_time: start + DAY_S };

/** Where the store writes what it hands to its engine: a folder of that name makes every insert fail. */
function block(server: Server): void {
  rmSync(join(server.folder, 'usage/handover'), { force: true });
  mkdirSync(join(server.folder, 'usage/handover'));
}
function unblock(server: Server): void {
  rmSync(join(server.folder, 'usage/handover'), { recursive: true });
}

const TAGS = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((key) => [key, key.repeat(100)]));

type Batch = { readonly events: readonly object[]; readonly key: string };

/** Sends batches to the stream until one is refused, which it returns beside those that were acknowledged. */
async function fill(
  server: Server,
  token: string,
  meter: Stripe.Billing.Meter,
): Promise<{ readonly acked: readonly Batch[]; readonly refused: Batch; readonly answer: Answer }> {
  const acked: Batch[] = [];
  for (;;) {
    const events = Array.from({ length: 50 }, () => {
      const event = v2Event(meter, { timestamp, identifier: unique('evt') });
      return { ...event, payload: { ...event.payload, ...TAGS } };
    });
    const batch = { events, key: unique('key') };
    const answer = await postStream(server, token, events, { 'idempotency-key': batch.key });
    if (answer.status !== 200) return { acked, refused: batch, answer };
    acked.push(batch);
    assert.ok(acked.length < 1000, 'there is a bound');
  }
}

function assertBounded(acked: readonly Batch[]): void {
  const events = acked.length * 50;
  // The texts alone, and twice that: a row has little beside them.
  const texts = events * (Object.values(TAGS).join('').length + unique('evt').length);
  assert.ok(texts < BYTES_MAX && 2 * texts > BYTES_MAX, `${texts} characters were acknowledged`);
}

function assertTooMuch(answer: Answer): void {
  assert.equal(answer.status, 429, answer.text);
  assert.match(String(answer.headers['retry-after']), /^(?:[1-9]|[1-5]\d|60)$/u);
  assert.equal(answer.headers['stripe-should-retry'], 'true');
}

/** Every kind of write, raw. None of it may change anything. */
async function refusedWrites(
  server: Server,
  token: string,
  meter: Stripe.Billing.Meter,
  stored: string,
): Promise<void> {
  const { event_name } = meter;
  const v1: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    [
      '/v1/billing/meter_events',
      { event_name, 'payload[stripe_customer_id]': 'c', 'payload[value]': '1' },
    ],
    [
      '/v1/billing/meter_event_adjustments',
      { event_name, type: 'cancel', 'cancel[identifier]': stored },
    ],
  ];
  for (const [path, body] of v1) {
    const answer = await call(server, { path, body });
    assertTooMuch(answer);
    assert.equal(errorOf(answer).code, 'rate_limit');
  }
  const v2: readonly (readonly [string, object])[] = [
    [V2_EVENTS, v2Event(meter, { timestamp })],
    [V2_ADJUSTMENTS, { type: 'cancel', event_name, cancel: { identifier: stored } }],
  ];
  for (const [path, body] of v2) assertTooMuchV2(await postJson(server, { path, body }));
  const streamed = [
    [v2Event(meter, { timestamp })],
    [null],
    [v2Event(meter, { identifier: stored })],
  ];
  for (const events of streamed) assertTooMuchV2(await postStream(server, token, events));
}

function assertTooMuchV2(answer: Answer): void {
  assertTooMuch(answer);
  const { type, code } = v2ErrorOf(answer);
  assert.deepEqual([type, code], ['rate_limit', 'rate_limit']);
}

async function refusedThroughSdk(
  server: Server,
  line: SdkLine,
  token: string,
  meter: Stripe.Billing.Meter,
): Promise<void> {
  const client = newClient(server, { line, maxNetworkRetries: 0 });
  const tooMuch = { type: 'StripeRateLimitError', status: 429, code: 'rate_limit' } as const;
  // Of v2, whose errors have types of their own, the SDKs have another class.
  const tooMuchV2 = { ...tooMuch, type: 'RateLimitError' } as const;
  const event = v2Event(meter, { timestamp });
  await refused(sendEvent(client, meter, { customer: 'c', timestamp: start }), tooMuch, line);
  await refused(cancelEvent(client, meter, 'x'), tooMuch, line);
  await refused(client.v2.billing.meterEvents.create(event), tooMuchV2, line);
  await refused(
    sendToStream(server, line, token, { events: [event] }, { maxNetworkRetries: 0 }),
    tooMuchV2,
    line,
  );
}

test('a store that takes nothing: writes are bounded, reads are 503, and it recovers by itself', async () => {
  const server = await Server.start({ args });
  try {
    const client = newClient(server);
    const meter = await createMeter(client);
    const token = await openStream(server);
    const stored = unique('stored');
    await sendEvent(client, meter, { customer: 'c', identifier: stored, timestamp: start });
    const countQuery = { meter: meter.id, customer: 'c', ...query };
    assert.equal(await total(server, countQuery), '1');
    block(server);
    const { acked, refused: last, answer } = await fill(server, token, meter);
    assertTooMuchV2(answer);
    assertBounded(acked);

    await refusedWrites(server, token, meter, stored);
    for (const line of SDK_LINES) await refusedThroughSdk(server, line, token, meter);
    const path = `/v1/billing/meters/${meter.id}/event_summaries?customer=c&start_time=${start}&end_time=${start + DAY_S}`;
    const read = await call(server, { path });
    assert.equal(read.status, 503);
    assert.equal(read.headers['retry-after'], '1');
    for (const health of ['/healthz', '/readyz']) {
      assert.equal((await call(server, { path: health, key: null })).status, 200);
    }
    await until('who comes again is told to wait longer than at first', async () => {
      const again = await postStream(server, token, last.events);
      assertTooMuchV2(again);
      return Number(again.headers['retry-after']) > 1;
    });
    // What needs no room goes on: the catalog, and first answers.
    await createMeter(client);
    const { events, key } = acked[0]!;
    const replay = await postStream(server, token, events, { 'idempotency-key': key });
    assert.deepEqual([replay.status, replay.headers['idempotent-replayed']], [200, 'true']);

    unblock(server);
    await until('there is room again', async () => {
      const again = await postStream(server, token, last.events, { 'idempotency-key': last.key });
      if (again.status === 200) return true;
      assertTooMuchV2(again);
      return false;
    });
    const count = 1 + (acked.length + 1) * 50;
    assert.equal(await total(server, countQuery), String(count));
    await cancelEvent(client, meter, stored);
    assert.equal(await total(server, countQuery), String(count - 1));
    assert.match(server.stderr, /refused an insert/u);
    assert.equal((await server.stop()).code, 0);
  } finally {
    await server.remove();
  }
});

test('a kill -9 while the backlog is full loses nothing, and the bound holds after the start', async () => {
  const server = await Server.start({ args });
  try {
    const meter = await createMeter(newClient(server));
    const token = await openStream(server);
    block(server);
    const { acked, refused: last } = await fill(server, token, meter);
    await server.kill();

    server.relaunch();
    const failed = await server.exited;
    assert.notEqual(failed.code, 0, 'what is acknowledged has to be stored before it serves');
    assert.match(failed.stderr, /usage store does not take what the journal holds/u);

    unblock(server);
    await server.restart();
    const countQuery = { meter: meter.id, customer: 'c', ...query };
    assert.equal(await total(server, countQuery), String(acked.length * 50));
    for (const { events, key } of acked) {
      assert.equal((await tell(server, token, events)).duplicates, 50);
      const replay = await postStream(server, token, events, { 'idempotency-key': key });
      assert.equal(replay.headers['idempotent-replayed'], 'true');
    }
    assert.equal((await tell(server, token, last.events)).accepted, 50);
    const count = (acked.length + 1) * 50;
    assert.equal(await total(server, countQuery), String(count));

    block(server);
    const again = await fill(server, token, meter);
    assertTooMuchV2(again.answer);
    assertBounded(again.acked);
    unblock(server);
    await until('it has stored them', async () => {
      const path = `/v1/billing/meters/${meter.id}/event_summaries?customer=c&start_time=${start}&end_time=${start + DAY_S}`;
      return (await call(server, { path })).status === 200;
    });
    const all = count + again.acked.length * 50;
    assert.equal(await total(server, countQuery), String(all));
  } finally {
    await server.remove();
  }
});
