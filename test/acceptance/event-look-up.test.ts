/** What became of events: asked for by identifier, and as a list. Stripe's SDK has no such call, so it is its raw one. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cancelEvent, createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf, toForm } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { dayStart, HOUR_S, nowS } from '../support/times.ts';
import { isoOf, v2Event } from '../support/v2.ts';

const PATH = '/v1/billing/meter_events';
let server: Server;
let client: Stripe;
before(async () => {
  server = await Server.start();
  client = newClient(server);
});
after(async () => {
  await server.remove();
});

type Shown = {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly event_name: string | null;
  readonly identifier: string | null;
  readonly livemode: boolean;
  readonly payload: unknown;
  readonly status: string;
  readonly timestamp: number | null;
  readonly value: string | null;
  readonly customer: string | null;
  readonly meter: string | null;
  readonly superseded_by: { readonly id: string; readonly identifier: string } | null;
  readonly cancellation: { readonly cancelled_at: number; readonly request: string } | null;
  readonly rejection: {
    readonly code: string;
    readonly message: string;
    readonly request: string;
    readonly sent: string;
  } | null;
};
type List = {
  readonly object: string;
  readonly url: string;
  readonly data: readonly Shown[];
  readonly has_more: boolean;
};

async function retrieve(identifier: string): Promise<Shown> {
  const path = `${PATH}/${encodeURIComponent(identifier)}`;
  return (await client.rawRequest('GET', path)) as unknown as Shown;
}

async function list(asked: Readonly<Record<string, string | number>>): Promise<List> {
  const answer = await call(server, { path: `${PATH}?${toForm(asked)}` });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text) as List;
}

async function identifiers(asked: Readonly<Record<string, string | number>>) {
  return (await list(asked)).data.map(({ identifier }) => identifier);
}

async function refusedParam(asked: Readonly<Record<string, string | number>>) {
  const answer = await call(server, { path: `${PATH}?${toForm(asked)}` });
  assert.equal(answer.status, 400, answer.text);
  return errorOf(answer).param;
}

describe('an event by its identifier', () => {
  test('counted: as it was sent, at once', async () => {
    const meter = await createMeter(client, { formula: 'sum' });
    const timestamp = dayStart(3) + 5;
    const identifier = unique('é /🚕?%');
    const sent = await client.billing.meterEvents.create({
      event_name: meter.event_name,
      payload: { stripe_customer_id: 'c', value: '1.50', zone: 'eu' },
      timestamp,
      identifier,
    });
    const shown = await retrieve(identifier);
    assert.equal(shown.status, 'counted');
    for (const name of ['object', 'created', 'event_name', 'livemode', 'timestamp'] as const) {
      assert.deepEqual(shown[name], sent[name]);
    }
    assert.deepEqual(shown.payload, sent.payload);
    assert.deepEqual([shown.customer, shown.meter, shown.value], ['c', meter.id, '1.5']);
    assert.deepEqual(
      [shown.superseded_by, shown.cancellation, shown.rejection],
      [null, null, null],
    );
  });

  test('superseded: by the last received one of its window, until that is cancelled', async () => {
    const meter = await createMeter(client, { formula: 'sum', event_time_window: 'day' });
    const [first, second] = [unique('first'), unique('second')];
    const at = { customer: 'c', timestamp: dayStart(3) };
    await sendEvent(client, meter, { ...at, identifier: first });
    await sendEvent(client, meter, { ...at, identifier: second });
    const shown = await retrieve(first);
    const by = await retrieve(second);
    assert.equal(shown.status, 'superseded');
    assert.deepEqual(shown.superseded_by, { id: by.id, identifier: second });
    assert.equal(by.status, 'counted');
    await cancelEvent(client, meter, second);
    assert.equal((await retrieve(first)).status, 'counted');
  });

  test('cancelled: when, and by which request', async () => {
    const meter = await createMeter(client);
    const identifier = unique('cancelled');
    await sendEvent(client, meter, { customer: 'c', identifier });
    const earliest = nowS();
    const answer = await cancelEvent(client, meter, identifier);
    const { status, cancellation } = await retrieve(identifier);
    assert.equal(status, 'cancelled');
    assert.equal(
      cancellation?.request,
      (answer as { lastResponse?: { requestId: string } }).lastResponse?.requestId,
    );
    const at = cancellation?.cancelled_at ?? 0;
    assert.ok(at >= earliest && at <= nowS(), String(at));
  });

  test('rejected: with its code and message; once it is accepted, that is what is told', async () => {
    const meter = await createMeter(client);
    const identifier = unique('rejected');
    const token = await openStream(server);
    const timestamp = isoOf(dayStart(1));
    await tell(server, token, [v2Event(meter, { identifier, value: 'x', timestamp })]);
    const shown = await retrieve(identifier);
    assert.equal(shown.status, 'rejected');
    assert.equal(shown.rejection?.code, 'meter_event_invalid_value');
    assert.match(shown.rejection.message, /decimal number/u);
    assert.match(shown.rejection.request, /^req_/u);
    assert.deepEqual(shown.payload, { stripe_customer_id: 'c', value: 'x' });
    assert.deepEqual([shown.meter, shown.timestamp], [meter.id, dayStart(1)]);
    await tell(server, token, [v2Event(meter, { identifier, value: '7' })]);
    assert.deepEqual(
      [(await retrieve(identifier)).status, (await retrieve(identifier)).value],
      ['counted', '7'],
    );
    assert.equal((await list({ identifier })).data.length, 2);
  });

  test('an identifier that is not there and one of another account or mode look the same', async () => {
    const meter = await createMeter(client);
    const identifier = unique('mine');
    await sendEvent(client, meter, { customer: 'c', identifier });
    const [there, nowhere] = await Promise.all(
      [identifier, unique('nobody')].map(
        async (name) => await call(server, { path: `${PATH}/${name}`, key: LIVE_KEY }),
      ),
    );
    assert.deepEqual([there!.status, nowhere!.status], [404, 404]);
    assert.equal(errorOf(there!).message, `No such billing meter event: '${identifier}'`);
    assert.equal(errorOf(nowhere!).code, errorOf(there!).code);
  });
});

describe('the list of events', () => {
  test('newest first, both kinds, page by page, both ways, whatever came in between', async () => {
    const meter = await createMeter(client);
    const token = await openStream(server);
    const { event_name } = meter;
    const sent: string[] = [];
    for (let n = 0; n < 9; n += 1) {
      const identifier = unique(`n${n}`);
      await tell(server, token, [v2Event(meter, { identifier, value: n % 3 === 0 ? 'x' : '1' })]);
      sent.unshift(identifier);
    }
    const pages: Shown[] = [];
    for (let more = true; more;) {
      const cursor = pages.length === 0 ? {} : { starting_after: pages.at(-1)!.id };
      const page = await list({ event_name, limit: 4, ...cursor });
      assert.deepEqual([page.object, page.url], ['list', PATH]);
      pages.push(...page.data);
      more = page.has_more;
      await sendEvent(client, meter, { customer: 'late' });
    }
    assert.deepEqual(
      pages.map(({ identifier }) => identifier),
      sent,
    );
    const back = await list({ event_name, limit: 3, ending_before: pages[5]!.id });
    assert.deepEqual(
      back.data.map(({ identifier }) => identifier),
      sent.slice(2, 5),
    );
    assert.equal(back.has_more, true);
  });

  test('by customer, status, code, payload, and both times', async () => {
    const meter = await createMeter(client, { value_key: 'amount' });
    const token = await openStream(server);
    const { event_name } = meter;
    const [a, b, c, d] = [unique('a'), unique('b'), unique('c'), unique('d')];
    const event = (identifier: string, customer: string, amount: string, hour: number) => ({
      event_name,
      identifier,
      timestamp: isoOf(dayStart(2) + hour * HOUR_S),
      payload: { stripe_customer_id: customer, amount, zone: identifier },
    });
    for (const one of [
      event(a, 'anna', '1', 0),
      event(b, 'anna', 'x', 1),
      event(c, 'berta', '1', 2),
      event(d, 'berta', '', 3),
    ]) {
      await tell(server, token, [one]);
    }
    await cancelEvent(client, meter, c);
    const of = async (asked: Readonly<Record<string, string | number>>) =>
      await identifiers({ event_name, ...asked });
    assert.deepEqual(await of({}), [d, c, b, a]);
    assert.deepEqual(await of({ customer: 'anna' }), [b, a]);
    assert.deepEqual(await of({ status: 'rejected' }), [d, b]);
    assert.deepEqual(await of({ status: 'counted' }), [a]);
    assert.deepEqual(await of({ status: 'cancelled' }), [c]);
    assert.deepEqual(await of({ status: 'superseded' }), []);
    assert.deepEqual(await of({ code: 'meter_event_value_not_found' }), [d]);
    assert.deepEqual(await of({ 'payload[amount]': '1' }), [c, a]);
    assert.deepEqual(await of({ 'payload[zone]': b, 'payload[amount]': 'x' }), [b]);
    const from = dayStart(2) + HOUR_S;
    assert.deepEqual(await of({ 'timestamp[gte]': from, 'timestamp[lt]': from + 2 * HOUR_S }), [
      c,
      b,
    ]);
    assert.deepEqual(await of({ 'timestamp[gt]': from, 'timestamp[lte]': from + 2 * HOUR_S }), [
      d,
      c,
    ]);
    assert.deepEqual(await of({ timestamp: from }), [b]);
    const now = nowS();
    assert.deepEqual(await of({ 'created[lt]': now - 3600 }), []);
    assert.deepEqual(await of({ 'created[gte]': now - 3600 }), [d, c, b, a]);
  });

  test('events of a name that no meter has are in it', async () => {
    const token = await openStream(server);
    const event_name = unique('nobody');
    await tell(server, token, [{ event_name, payload: {}, identifier: event_name }]);
    assert.deepEqual(await identifiers({ event_name }), [event_name]);
    assert.deepEqual(await identifiers({ event_name, status: 'counted' }), []);
  });

  test('what makes no sense is refused, by name', async () => {
    assert.equal(await refusedParam({ status: 'lost' }), 'status');
    assert.equal(await refusedParam({ code: 'x' }), 'code');
    assert.equal(await refusedParam({ code: 'no_meter', status: 'counted' }), 'code');
    assert.equal(await refusedParam({ starting_after: 'x' }), 'starting_after');
    assert.equal(await refusedParam({ limit: 101 }), 'limit');
    assert.equal(await refusedParam({ 'timestamp[gte]': 'x' }), 'timestamp[gte]');
    assert.equal(await refusedParam({ 'timestamp[at]': '1' }), 'timestamp[at]');
    assert.equal(await refusedParam({ 'payload[a][b]': 'x' }), 'payload[a]');
    assert.equal(await refusedParam({ nonsense: 'x' }), 'nonsense');
    const other = await call(server, { path: `${PATH}?limit=1`, key: LIVE_KEY });
    assert.deepEqual((JSON.parse(other.text) as List).data, []);
    const [mine] = (await list({ limit: 1 })).data;
    const theirs = await call(server, {
      path: `${PATH}?starting_after=${mine!.id}`,
      key: LIVE_KEY,
    });
    assert.equal(errorOf(theirs).param, 'starting_after');
  });
});
