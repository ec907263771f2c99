/**
 * The longest turn of the serving thread's event loop under each request at its worst: over a catalog as large as it may
 * become, with filters that nothing matches, and with all alerts crossed at once. Nobody else is answered meanwhile.
 *
 *   node bench/turns.ts [core events, 200000]
 *
 * By Node's own monitor, as `/metrics` has it (`nodejs_eventloop_lag_max_seconds`): whole turns, so what else the machine
 * does is in it.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { Cleanups, removeFolder } from './measure/cleanups.ts';
import { start, stop, type Running } from './measure/processes.ts';
import { clientOf, KEY } from './measure/served.ts';

const [eventsText = '200000'] = process.argv.slice(2);
const EVENTS = Number(eventsText);
const CUSTOMERS = 100_000;
const METERS = 9_900;
const ALERTS = 90_000;
const ALERTS_ABOUT_ALL = 25;
/** The monitor looks every so often, and counts that in. */
const MONITOR_MS = 10;

const cleanups = new Cleanups();
const folder = mkdtempSync(join(tmpdir(), 'taximeter-bench-'));
cleanups.add(() => removeFolder(folder));
const serve = async (): Promise<Running> => {
  const flags = ['--port', '0', '--data', folder, '--webhook-allow-private'];
  const env = { TAXIMETER_SECRET_KEY: KEY };
  return await start(cleanups, '../src/main.ts', ['serve', ...flags], env);
};

const { destination, gone } = await makeFolder();
const server = await serve();
const client = clientOf(server);

const GETS: Readonly<Record<string, string>> = {
  'healthz, nothing else': '/healthz',
  'events of a type that there is not': '/v1/events?type=*zzz*&limit=100',
  'events that are not delivered, of a type that there is not':
    '/v1/events?delivery_success=false&type=*zzz*&limit=100',
  'events that are delivered, of which there are none':
    '/v1/events?delivery_success=true&limit=100',
  'events of a time without any': '/v1/events?created[gt]=4000000000&limit=100',
  'the same by v2': '/v2/core/events?types[0]=v1.zzz&limit=100',
  'events, a full page': '/v1/events?limit=100',
  'deliveries of a state that none has': `/v1/webhook_endpoints/${destination}/deliveries?status=succeeded&limit=100`,
  'deliveries, a full page': `/v1/webhook_endpoints/${destination}/deliveries?limit=100`,
  'meters of a status that none has': '/v1/billing/meters?status=inactive&limit=100',
  'meters, a full page': '/v1/billing/meters?limit=100',
  'alerts of a meter that has none': '/v1/billing/alerts?meter=mtr_7&limit=100',
  'alerts, a full page': '/v1/billing/alerts?limit=100',
  'customers of an address that none has': '/v1/customers?email=zzz&limit=100',
  'customers, a full page': '/v1/customers?limit=100',
  'a search over events': '/v1/billing/meter_events?customer=zzz&limit=100',
};
for (const [name, path] of Object.entries(GETS)) {
  await measured(name, async () => await get(path));
  await measured(`  30 at once`, async () => {
    await Promise.all(Array.from({ length: 30 }, async () => await get(path)));
  });
}
await measured(`a destination with ${EVENTS} deliveries is deleted`, async () => {
  await client.webhookEndpoints.del(gone);
});
await measured('100 new customers cross 25 alerts each, in one call of the stream', async () => {
  await stream(
    Array.from({ length: 100 }, (_, n) => ({
      event_name: 'flood',
      payload: { stripe_customer_id: `cus_flood_${n}`, value: '5' },
    })),
  );
  await caughtUp();
});
await measured('events of 5,000 meters are rejected, and reported', async () => {
  for (let start = 0; start < 5000; start += 100) {
    await stream(
      Array.from({ length: 100 }, (_, n) => ({
        event_name: `event_${start + n}`,
        payload: { stripe_customer_id: 'c', value: 'x' },
      })),
    );
  }
  await delay(12_000);
});
await measured('old events are pruned at a start, and what was deleted with them', async () => {
  await delay(10_000);
});
await stop(server);
process.exit(0);

async function measured(name: string, run: () => Promise<void>): Promise<void> {
  await lag();
  const beganMs = performance.now();
  await run();
  const tookMs = performance.now() - beganMs;
  console.log(
    `${name.padEnd(62)} ${(await lag()).toFixed(0).padStart(6)} ms of ${tookMs.toFixed(0)}`,
  );
}

/** Since the last look, which begins another. */
async function lag(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  const seconds = Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/mu.exec(text)?.[1]);
  return Math.max(0, 1000 * seconds - MONITOR_MS);
}

async function get(path: string): Promise<void> {
  const headers = { authorization: `Bearer ${KEY}` };
  const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`);
}

async function stream(events: readonly object[]): Promise<void> {
  const { authentication_token: token } = await client.v2.billing.meterEventSession.create();
  const answer = await fetch(`http://127.0.0.1:${server.port}/v2/billing/meter_event_stream`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ events }),
  });
  if (answer.status !== 200) throw new Error(await answer.text());
}

/** Until all alerts that are crossed have fired. */
async function caughtUp(): Promise<void> {
  for (let fired = -1, before = -2; fired !== before;) {
    await delay(1500);
    before = fired;
    const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
    fired = Number(/^taximeter_alerts_fired_total (\d+)$/mu.exec(text)?.[1]);
  }
}

/** As large as a catalog may become, by SQL: by calls it would take hours. */
async function makeFolder(): Promise<{ destination: string; gone: string }> {
  const first = await serve();
  const made = clientOf(first);
  const { id } = await made.billing.meters.create({
    display_name: 'Flood',
    event_name: 'flood',
    default_aggregation: { formula: 'sum' },
  });
  for (let n = 0; n < ALERTS_ABOUT_ALL; n += 1) {
    await made.billing.alerts.create({
      title: 'All',
      alert_type: 'usage_threshold',
      usage_threshold: { meter: id, gte: 1, recurrence: 'one_time' },
    });
  }
  const urls = ['http://127.0.0.1:9/a', 'http://127.0.0.1:9/b'];
  const [a, b] = await Promise.all(
    urls.map(async (url) => {
      const created = await made.webhookEndpoints.create({ url, enabled_events: ['*'] });
      return created.id;
    }),
  );
  await stop(first);
  const db = new Database(join(folder, 'catalog.db'));
  db.pragma('synchronous = OFF');
  const namespace = db.prepare('SELECT namespace FROM meters').pluck().get();
  const fill = (count: number, sql: string): void => {
    const numbers =
      'WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)';
    db.prepare(`${numbers} ${sql}`).run(count, namespace);
  };
  const nowMs = Date.now();
  fill(
    CUSTOMERS,
    `INSERT INTO customers (namespace, id, created_s, email, metadata, deleted)
    SELECT ?, 'cus_' || n, 0, 'a' || n || '@example.com', '[]', 0 FROM numbers`,
  );
  fill(
    METERS,
    `INSERT INTO meters (namespace, id, display_name, event_name, formula, customer_key, value_key, status, created_s, updated_s)
    SELECT ?, 'mtr_' || n, 'One', 'event_' || n, 'sum', 'stripe_customer_id', 'value', 'active', 0, 0 FROM numbers`,
  );
  fill(
    ALERTS,
    `INSERT INTO alerts (namespace, id, title, meter, customer, gte, recurrence, status, created_s, since_sequence)
    SELECT ?, 'alrt_' || n, 'One', '${id}', 'cus_' || n, '1', 'one_time', 'active', 0, 0 FROM numbers`,
  );
  fill(
    EVENTS,
    `INSERT INTO core_events (namespace, id, created_ms, thin_type, data, snapshot_type, snapshot, object_id, object_type, object_url)
    SELECT ?, 'evt_' || n, ${nowMs} - n, 'v1.billing.alert.triggered', '{}', 'billing.alert.triggered', '{"object":"${'x'.repeat(600)}"}',
      'alrt_' || (n % 1000), 'billing.alert', '/v1/billing/alerts/x' FROM numbers`,
  );
  for (const [endpoint, state] of [
    [a, 'failed'],
    [b, 'pending'],
  ]) {
    db.prepare(
      `INSERT INTO deliveries (destination, event, state, tries, due_ms, attempts)
      SELECT (SELECT ordinal FROM destinations WHERE id = ?), ordinal, ?, 0, ${nowMs} + 90000000, '[]' FROM core_events`,
    ).run(endpoint, state);
  }
  db.close();
  return { destination: a ?? '', gone: b ?? '' };
}
