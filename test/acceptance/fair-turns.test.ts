/**
 * P10: whatever one account makes the server do, others are answered meanwhile. Work over what is stored is done in
 * slices, and requests have their turn in between.
 */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { createMeter } from '../support/fixtures.ts';
import { Flooder } from '../support/flood.ts';
import { call } from '../support/http.ts';
import { createKey } from '../support/keys.ts';
import { scrape } from '../support/metrics.ts';
import { newClient, refused400, type Stripe } from '../support/sdk.ts';
import { Server, TEST_KEY } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { until } from '../support/wait.ts';
import { startWithReceiver } from '../support/webhooks.ts';

/** As docs/alerts.md has it. */
const ALERTS_ABOUT_ALL = 25;
/** Calls of the stream, of a hundred events each: what they multiply to takes seconds. */
const FLOODS = 14;

const newAgent = (): Agent => new Agent({ keepAlive: true, maxSockets: 1 });

let server: Server;
let client: Stripe;
/** Another account's. */
let other: { readonly key: string; readonly meter: Stripe.Billing.Meter };
before(async () => {
  server = await Server.start();
  client = newClient(server);
  const key = await createKey(server.folder, '--account', 'acct_other');
  other = { key, meter: await createMeter(newClient(server, { key })) };
});
after(async () => {
  await server.remove();
});

async function otherSends(): Promise<void> {
  const { event_name } = other.meter;
  const body = { event_name, 'payload[stripe_customer_id]': 'c', 'payload[value]': '1' };
  const answer = await call(server, { path: '/v1/billing/meter_events', body, key: other.key });
  assert.equal(answer.status, 200, answer.text);
}

const flood = (meters: readonly Stripe.Billing.Meter[], name: string) =>
  Array.from({ length: 100 }, (_, n) => ({
    event_name: meters[n % meters.length]!.event_name,
    payload: { stripe_customer_id: `${name}_${n}`, value: '5' },
  }));

async function alertAboutAll(meter: Stripe.Billing.Meter): Promise<Stripe.Billing.Alert> {
  return await client.billing.alerts.create({
    title: 'All',
    alert_type: 'usage_threshold',
    usage_threshold: { meter: meter.id, gte: 1, recurrence: 'one_time' },
  });
}

test('alerts about all customers of a meter have a maximum, and what they multiply to holds up nobody', async (t) => {
  const meters = [await createMeter(client)];
  for (const meter of meters) {
    for (let n = 0; n < ALERTS_ABOUT_ALL; n += 1) await alertAboutAll(meter);
    await refused400(alertAboutAll(meter), {
      message: /maximum of 25 active billing alerts about all customers for one meter/u,
    });
  }
  const token = await openStream(server);
  for (let n = 0; n < FLOODS; n += 1) await tell(server, token, flood(meters, `cus_${n}`));
  const total = FLOODS * 100 * ALERTS_ABOUT_ALL;
  const between = new Set<number>();
  await until('all have fired', async () => {
    const [page, health] = await Promise.all([
      scrape(server),
      call(server, { path: '/healthz', key: null }),
      otherSends(),
    ]);
    assert.equal(health.status, 200);
    const fired = page.samples.get('taximeter_alerts_fired_total') ?? 0;
    if (fired > 0 && fired < total) between.add(fired);
    return fired === total;
  });
  t.diagnostic(`answered ${between.size} times while they fired`);
  // In one go, none would be seen.
  assert.ok(between.size >= 1);
  const all = new Set<string>();
  for await (const { id, data } of client.events.list({
    type: 'billing.alert.triggered',
    limit: 100,
  })) {
    const { alert, customer } = data.object as unknown as {
      alert: { id: string };
      customer: string;
    };
    all.add(`${alert.id} ${customer}`);
    assert.ok(id);
  }
  assert.equal(all.size, total);
  await until('nothing is left to look at', async () => {
    return (await scrape(server)).samples.get('taximeter_alerts_behind_events') === 0;
  });
});

test('a stop in the middle of it waits for none of that; the next start fires the rest, each once', async () => {
  const meters = [await createMeter(client)];
  const made = new Set<string>();
  for (const meter of meters) {
    for (let n = 0; n < ALERTS_ABOUT_ALL; n += 1) made.add((await alertAboutAll(meter)).id);
  }
  const firedOf = async (): Promise<string[]> => {
    const fired: string[] = [];
    const list = newClient(server).events.list({ type: 'billing.alert.triggered', limit: 100 });
    for await (const { data } of list) {
      const { alert, customer } = data.object as unknown as {
        alert: { id: string };
        customer: string;
      };
      if (made.has(alert.id)) fired.push(`${alert.id} ${customer}`);
    }
    return fired;
  };
  await tell(server, await openStream(server), flood(meters, 'stopped'));
  await until('some have fired', async () => (await firedOf()).length > 0);
  assert.equal((await server.stop()).code, 0);
  await server.restart();
  client = newClient(server);
  const expected = 100 * made.size;
  await until('all have fired', async () => (await firedOf()).length >= expected);
  const fired = await firedOf();
  assert.deepEqual([fired.length, new Set(fired).size], [expected, expected]);
});

describe('core events, very many', () => {
  const EVENTS = 150_000;
  let own: Server;
  before(async () => {
    const started = await startWithReceiver({ args: ['--log-level', 'debug'] });
    own = started.server;
    await started.receiver.close();
    await createMeter(started.client);
    await started.client.webhookEndpoints.create({
      url: 'http://127.0.0.1:9/',
      enabled_events: ['payout.paid'],
    });
    await own.stop();
    // By calls it would take an hour. They are copies of the one that is there.
    const catalog = new Database(join(own.folder, 'catalog.db'));
    catalog.pragma('synchronous = OFF');
    const columns = `namespace, created_ms, thin_type, data, snapshot_type, snapshot, object_id, object_type, object_url`;
    catalog
      .prepare(
        `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
        INSERT INTO core_events (id, ${columns})
        SELECT 'evt_copy_' || n, ${columns} FROM numbers, (SELECT * FROM core_events LIMIT 1)`,
      )
      .run(EVENTS);
    catalog.exec(`INSERT INTO deliveries (destination, event, state, tries, due_ms, attempts)
      SELECT (SELECT ordinal FROM destinations), ordinal, 'failed', 12, NULL, '[]' FROM core_events`);
    catalog.close();
    await own.restart();
  });
  after(async () => {
    await own.remove();
  });

  for (const query of [
    'type=*zzz*',
    'delivery_success=false&type=*zzz*',
    'delivery_success=true',
    'created[gt]=4000000000',
  ]) {
    test(`a filter that none passes, ${query}: others are answered before it is`, async () => {
      const [asks, asksToo] = [newAgent(), newAgent()];
      // Connections that are there: what is sent now arrives in this order, at once.
      for (const agent of [asks, asksToo]) await call(own, { path: '/healthz', agent });
      const logged = own.stderr.length;
      const [page, other] = await Promise.all([
        call(own, { path: `/v1/events?limit=100&${query}`, agent: asks }),
        call(own, { path: '/v1/customers', agent: asksToo }),
      ]);
      const { data, has_more } = JSON.parse(page.text) as { data: unknown[]; has_more: boolean };
      assert.deepEqual([data, has_more, other.status], [[], false, 200]);
      // The log tells of requests in the order in which they were answered.
      const routes = (): string[] =>
        [...own.stderr.slice(logged).matchAll(/"route":"([^"]+)"/gu)].map(([, route]) => route!);
      await until('both are in the log', () => routes().length === 2);
      assert.deepEqual(routes(), ['/v1/customers', '/v1/events']);
      for (const agent of [asks, asksToo]) agent.destroy();
    });
  }

  test('lists whose clients are gone are not carried out, and hold up none that comes after them', async () => {
    const carriedOut = async (): Promise<number> =>
      (await scrape(own)).samples.get(
        'taximeter_http_requests_total{method="GET",route="/v1/events",status="200",code=""}',
      ) ?? 0;
    const path = '/v1/events?limit=100&type=*zzz*';
    const bytes = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TEST_KEY}\r\n\r\n`;
    // One is under way and a hundred wait: there is no room for the others.
    const clients = await Promise.all(
      Array.from({ length: 120 }, async () => await Flooder.open(own, bytes)),
    );
    for (const client of clients) void client.readAll();
    await until('one is refused', () => clients.some(({ statuses }) => statuses.includes(429)));
    for (const client of clients) client.end();
    const before = await carriedOut();
    await until('there is room', async () => (await call(own, { path })).status === 200);
    const after = await carriedOut();
    // This one, and perhaps the one that was under way.
    assert.ok(after - before <= 2, `${after - before} more`);
  });

  test('a destination goes at once, however many deliveries it has had', async () => {
    const its = newClient(own);
    const [endpoint] = (await its.webhookEndpoints.list()).data;
    const undelivered = async () => await its.events.list({ delivery_success: false, limit: 1 });
    assert.equal((await undelivered()).data.length, 1);
    await its.webhookEndpoints.del(endpoint?.id ?? '');
    const { data, has_more } = await undelivered();
    assert.deepEqual([data, has_more], [[], false]);
    // A start drops them.
    await own.stop();
    await own.restart();
    await until('they are dropped', () => {
      const catalog = new Database(join(own.folder, 'catalog.db'), { readonly: true });
      const left = catalog.prepare('SELECT count(*) FROM deliveries').pluck().get();
      catalog.close();
      return left === 0;
    });
  });
});
