/** What a stream was answered with success for and could not be counted is told by events, each rejection once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { unique } from '../support/random.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { v2Event } from '../support/v2.ts';
import { inParallel, until } from '../support/wait.ts';

const REPORTED = 'v1.billing.meter.error_report_triggered';
const NO_METER = 'v1.billing.meter.no_meter_found';

type Report = Pick<Stripe.V2.Core.Event, 'id' | 'type'> & {
  readonly related_object: {
    readonly id: string;
    readonly type: string;
    readonly url: string;
  } | null;
  readonly data: {
    readonly developer_message_summary: string;
    readonly validation_start: string;
    readonly validation_end: string;
    readonly reason: {
      readonly error_count: number;
      readonly error_types: readonly {
        readonly code: string;
        readonly error_count: number;
        readonly sample_errors: readonly {
          readonly error_message: string;
          readonly request: { readonly identifier: string };
        }[];
      }[];
    };
  };
};

/** All reports of these types, with their data, which only a fetched event has. */
async function reports(server: Server): Promise<Report[]> {
  // A restarted server listens on another port.
  const client = newClient(server);
  const found: Report[] = [];
  for await (const { id } of client.v2.core.events.list({ types: [REPORTED, NO_METER] })) {
    found.push((await client.v2.core.events.retrieve(id)) as unknown as Report);
  }
  return found;
}

function countOf(all: readonly Report[], code: string): number {
  return all
    .flatMap(({ data }) => data.reason.error_types)
    .filter((one) => one.code === code)
    .reduce((sum, one) => sum + one.error_count, 0);
}

test('a report of each meter, with exact counts and samples, also over a kill', async () => {
  const server = await Server.start();
  const meter = await createMeter(newClient(server));
  const token = await openStream(server);
  const identifiers = Array.from({ length: 12 }, () => unique('bad'));
  await tell(server, token, [
    ...identifiers.map((identifier) => v2Event(meter, { identifier, value: 'x' })),
    v2Event(meter),
    { event_name: 'nobody', payload: {}, identifier: 'lost' },
  ]);
  await until('both reports', async () => (await reports(server)).length >= 2);
  const all = await reports(server);
  const ofMeter = all.find(({ type }) => type === REPORTED);
  assert.deepEqual(ofMeter?.related_object, {
    id: meter.id,
    type: 'billing.meter',
    url: `/v1/billing/meters/${meter.id}`,
  });
  const { reason, ...said } = ofMeter.data;
  assert.equal(said.developer_message_summary, 'There are 12 invalid events');
  assert.ok(Date.parse(said.validation_end) - Date.parse(said.validation_start) >= 10_000);
  assert.equal(reason.error_count, 12);
  const [type] = reason.error_types;
  assert.deepEqual([type?.code, type?.error_count], ['meter_event_invalid_value', 12]);
  assert.deepEqual(
    type?.sample_errors.map(({ request }) => request.identifier),
    identifiers.slice(0, 10),
  );
  const lost = all.find((one) => one.type === NO_METER);
  assert.equal(lost?.related_object ?? null, null);
  assert.equal(lost?.data.developer_message_summary, 'There is 1 invalid event');

  // Killed before and after reports, every rejection is told once.
  for (let n = 0; n < 3; n += 1) {
    await tell(server, token, [v2Event(meter, { identifier: unique('more'), value: 'y' })]);
    await server.kill();
    await server.restart();
  }
  const total = 12 + 3;
  await until(
    'all of them',
    async () => countOf(await reports(server), 'meter_event_invalid_value') >= total,
  );
  assert.equal(countOf(await reports(server), 'meter_event_invalid_value'), total);
  await server.remove();
});

test('rejections of many meters at once: one report of each, also over a kill', async () => {
  const server = await Server.start();
  const client = newClient(server);
  const meters = await inParallel(
    Array.from({ length: 130 }),
    8,
    async () => await createMeter(client),
  );
  const token = await openStream(server);
  for (let start = 0; start < meters.length; start += 65) {
    const some = meters.slice(start, start + 65);
    await tell(
      server,
      token,
      some.map((meter) => v2Event(meter, { identifier: unique('bad'), value: 'x' })),
    );
  }
  await until('some reports', async () => (await reports(server)).length > 0);
  await server.kill();
  await server.restart();
  await until('all of them', async () => (await reports(server)).length >= meters.length);
  const all = await reports(server);
  assert.equal(countOf(all, 'meter_event_invalid_value'), meters.length);
  assert.deepEqual(
    new Set(all.map(({ related_object: of }) => of?.id)),
    new Set(meters.map(({ id }) => id)),
  );
  await server.remove();
});
