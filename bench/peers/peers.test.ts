/** The peers do what they are compared for: each event once, and its hour with it. */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { Client } from 'pg';
import { Cleanups, removeFolder } from '../measure/cleanups.ts';
import { start, stop } from '../measure/processes.ts';
import type { PeerEvent } from './listen.ts';
import { findPostgres, startPostgres } from './postgres-cluster.ts';

type Hour = { customer: string; count: number; sum: number };

const cleanups = new Cleanups();
const folder = mkdtempSync(join(tmpdir(), 'taximeter-peers-'));
after(() => removeFolder(folder));

const event = (identifier: string, customer: string, value: string): PeerEvent => {
  const payload = { stripe_customer_id: customer, value };
  return { event_name: 'requests', identifier, timestamp: '2026-11-25T09:30:00.000Z', payload };
};

async function send(port: number, path: string, body: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body });
  await response.arrayBuffer();
  return response.status;
}

/** Two batches that overlap, one of them twice, and one event by v1. */
async function sendAll(port: number): Promise<void> {
  const batches = [
    [event('a', 'cus_1', '1.5'), event('b', 'cus_1', '2'), event('c', 'cus_2', '0.25')],
    [event('b', 'cus_1', '2'), event('d', 'cus_2', '10')],
  ];
  for (const events of [...batches, ...batches]) {
    const status = await send(port, '/v2/billing/meter_event_stream', JSON.stringify({ events }));
    assert.equal(status, 200);
  }
  const form =
    'event_name=requests&identifier=e&payload[stripe_customer_id]=cus_3&payload[value]=7';
  assert.equal(await send(port, '/v1/billing/meter_events', form), 200);
  assert.equal(await send(port, '/v1/billing/meter_events', form), 400);
}

const EXPECTED: readonly Hour[] = [
  { customer: 'cus_1', count: 2, sum: 3.5 },
  { customer: 'cus_2', count: 2, sum: 10.25 },
  { customer: 'cus_3', count: 1, sum: 7 },
];

test('SQLite by hand stores each event once, and adds it to its hour', async () => {
  const file = join(folder, 'sqlite.db');
  const server = await start(cleanups, 'peers/sqlite-server.ts', [file]);
  await sendAll(server.port);
  await stop(server);
  const database = new Database(file, { readonly: true });
  const count = database.prepare<[], { n: number }>('SELECT count(*) AS n FROM events').get();
  const hours = database
    .prepare<[], Hour>('SELECT customer, count, sum / 1e6 AS sum FROM usage_hourly ORDER BY 1')
    .all();
  database.close();
  assert.equal(count?.n, 5);
  assert.deepEqual(hours, EXPECTED);
});

const bin = findPostgres();
describe(
  'PostgreSQL',
  { skip: bin === undefined && 'its server programs are not installed' },
  () => {
    test('by hand stores each event once, and adds it to its hour', async () => {
      const cluster = await startPostgres(bin ?? '', tmpdir(), cleanups);
      const server = await start(cleanups, 'peers/postgres-server.ts', [cluster.socketFolder, '4']);
      await sendAll(server.port);
      await stop(server);
      const client = new Client({ host: cluster.socketFolder, user: 'postgres' });
      await client.connect();
      const count = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM events');
      const hours = await client.query<Hour>(
        'SELECT customer, count::int, sum::float FROM usage_hourly ORDER BY 1',
      );
      const durable = await client.query<{ setting: string }>(
        `SELECT setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')`,
      );
      await client.end();
      await cluster.stop();
      assert.equal(count.rows[0]?.n, 5);
      assert.deepEqual(hours.rows, EXPECTED);
      assert.deepEqual(
        durable.rows.map(({ setting }) => setting),
        ['on', 'on', 'on'],
      );
    });
  },
);
