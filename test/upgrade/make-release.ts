/**
 * Makes the fixture of this release: `node test/upgrade/make-release.ts` writes `test/fixtures/VERSION.tar.gz` and
 * `VERSION.json`. To be run once for each release, by its own code, before `npm run format`.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { cancelEvent, createMeter, type MeterFields } from '../support/fixtures.ts';
import { call, toForm, type Call } from '../support/http.ts';
import { createKey } from '../support/keys.ts';
import { readRejections } from '../support/rejections.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { newFolder, removeFolder, REPO, Server } from '../support/server.ts';
import { openStream, tell, TELL } from '../support/stream.ts';
import { DAY_S, dayStart, HOUR_S, nowS } from '../support/times.ts';
import { FIXTURES, readList, readSummaries, type Release } from './release.ts';

const KINDS: readonly MeterFields[] = [
  { formula: 'sum', event_name: 'summed' },
  { formula: 'count', event_name: 'counted' },
  { formula: 'last', event_name: 'latest' },
  { formula: 'sum', event_name: 'per_hour', event_time_window: 'hour' },
  { formula: 'count', event_name: 'per_day', event_time_window: 'day' },
  { formula: 'sum', event_name: 'mapped', customer_key: 'who', value_key: 'how_much' },
];
const LISTS = ['/v1/billing/meters?limit=100', '/v1/customers?limit=100'];

const { version } = JSON.parse(readFileSync(join(REPO, 'package.json'), 'utf8')) as {
  version: string;
};
const parent = newFolder();
const folder = join(parent, 'data');
const first = await Server.start({ folder, keys: null, args: ['--session-minutes', '1440'] });
const keys = { test: await createKey(folder), live: await createKey(folder, '--live') };
const client = newClient(first, { key: keys.test });
const startS = dayStart(5);
let sent = 0;
const events: { event_name: string; identifier: string; customer: string }[] = [];
const keyed: { call: Call; text: string }[] = [];

const meters: Stripe.Billing.Meter[] = [];
for (const kind of KINDS) meters.push(await createMeter(client, kind));
const retired = await createMeter(client, { event_name: 'retired' });
await client.billing.meters.deactivate(retired.id);
const gone = await client.customers.create({ name: 'Gone' });
await client.customers.del(gone.id);
await keep({
  path: '/v1/customers',
  body: toForm({ name: 'Ärzte & Söhne', email: 'a@example.com', 'metadata[a]': 'b' }),
  headers: { 'idempotency-key': 'of a customer' },
});
const sessionToken = await openStream(first, keys.test);

await sendToAll();
const cancelled = ['summed', 'per_hour'].map((name) =>
  events.find(({ event_name }) => event_name === name)!,
);
await cancelEvent(client, cancelled[0]!, cancelled[0]!.identifier);
// This look at the event flushes. From here on nothing reads, so that all waits in the journal when the process dies.
await cancelEvent(client, cancelled[1]!, cancelled[1]!.identifier);
await sendToAll();
await keep({
  path: '/v1/billing/meter_events',
  body: toForm({
    event_name: 'summed',
    timestamp: startS,
    'payload[stripe_customer_id]': 'cus_a',
    'payload[value]': '9',
  }),
  headers: { 'idempotency-key': 'of an event' },
});
await keep({
  path: '/v2/billing/meter_event_stream',
  body: JSON.stringify({
    events: [
      {
        event_name: 'summed',
        identifier: 'streamed',
        payload: { stripe_customer_id: 'cus_b', value: '0.000000000001' },
        timestamp: at(startS),
      },
      { event_name: 'summed', payload: { stripe_customer_id: 'cus_b', value: 'many' } },
      { event_name: 'of nothing', payload: {} },
    ],
  }),
  headers: { 'content-type': 'application/json', 'idempotency-key': 'of a stream', ...TELL },
  key: sessionToken,
});
await first.kill();
cpSync(folder, join(parent, 'kept'), {
  recursive: true,
  verbatimSymlinks: true,
  filter: (path) => !path.endsWith('.sock'),
});

// Opened, it would be checkpointed: so another copy is looked at.
cpSync(join(parent, 'kept'), join(parent, 'looked-at'), {
  recursive: true,
  verbatimSymlinks: true,
});
const journal = new Database(join(parent, 'looked-at/journal.db'));
const waiting = journal
  .prepare<[], Record<string, number>>(
    `SELECT sum(length(events)) AS events, sum(length(cancellations)) AS cancellations,
       sum(length(rejections)) AS rejections, count(*) AS blocks FROM blocks`,
  )
  .get();
journal.close();
for (const [what, size] of Object.entries(waiting ?? {})) assert.ok(size > 0, `${what} wait`);

const release: Omit<Release, 'summaries' | 'lists' | 'rejections'> = {
  madeAtS: nowS(),
  keys,
  sessionToken,
  meters: meters.map(({ id, event_name }) => ({ id, event_name })),
  events,
  cancelled,
  keyed,
};
const second = await Server.start({ folder, keys: null });
const summaries = await readSummaries(second, release, keys.test);
const lists: { path: string; text: string }[] = [];
for (const path of LISTS)
  lists.push({ path, text: (await readList(second, path, keys.test)).text });
await second.stop();
const rejections = (await readRejections(folder)).length;
const about: Release = { ...release, summaries, lists, rejections };
writeFileSync(join(FIXTURES, `${version}.json`), `${JSON.stringify(about, null, 1)}\n`);
const archive = join(FIXTURES, `${version}.tar.gz`);
rmSync(archive, { force: true });
const tar = spawnSync('tar', [
  '-C',
  join(parent, 'kept'),
  '--owner=0',
  '--group=0',
  '--numeric-owner',
  '-czf',
  archive,
  '.',
]);
assert.equal(tar.status, 0, tar.stderr.toString());
await second.remove();
removeFolder(parent);

/** Events of every meter, for two customers, with ties and more than one in a window. */
async function sendToAll(): Promise<void> {
  const batch: object[] = [];
  for (const { event_name, customer_mapping, value_settings } of meters) {
    for (const customer of ['cus_a', 'cus_b']) {
      for (const atS of [0, 0, 61, HOUR_S, DAY_S + 7]) {
        sent += 1;
        const identifier = `event ${sent}`;
        const payload = {
          [customer_mapping.event_payload_key]: customer,
          [value_settings.event_payload_key]: `${sent}.125`,
          note: 'ü',
        };
        batch.push({ event_name, identifier, timestamp: at(startS + atS), payload });
        events.push({ event_name, identifier, customer });
      }
    }
  }
  assert.equal((await tell(first, sessionToken, batch)).accepted, batch.length);
}

/** A call whose answer must come again. */
async function keep(given: Call): Promise<void> {
  const asked = { key: keys.test, ...given };
  const answer = await call(first, asked);
  assert.equal(answer.status, 200, answer.text);
  keyed.push({ call: asked, text: answer.text });
}

function at(timeS: number): string {
  return new Date(timeS * 1000).toISOString();
}
