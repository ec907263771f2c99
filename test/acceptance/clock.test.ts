/**
 * A clock that jumps by a day either way, between requests and inside them, and by more than the identifiers are remembered
 * while the server is away: no event is lost or counted twice, and the order of arrival stays that of arrival.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { call, toForm } from '../support/http.ts';
import { createMeter, cancelEvent } from '../support/fixtures.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { newFolder, removeFolder, runCli, Server } from '../support/server.ts';
import { fates, openStream, tell } from '../support/stream.ts';
import { allSummaries, total } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S } from '../support/times.ts';
import { until } from '../support/wait.ts';

const MOVED_CLOCK = `--import=${new URL('../support/moved-clock.ts', import.meta.url).href}`;
/** Older than a day ahead may be, younger than events may be a day later. */
const START_S = dayStart(10);
const AHEAD = DAY_S - 60;

class World {
  readonly folder = newFolder();
  readonly clock = join(this.folder, '..', `${this.folder.split('/').at(-1)}.clock`);
  server!: Server;
  client!: Stripe;

  /** Seconds that the clock is off; of several, one look after the other. */
  set(...shiftsS: readonly number[]): void {
    writeFileSync(this.clock, shiftsS.join(' '));
  }

  async start(): Promise<void> {
    const env = { CLOCK_FILE: this.clock, NODE_OPTIONS: MOVED_CLOCK };
    this.server = await Server.start({
      folder: this.folder,
      env,
      args: ['--session-minutes', '1440'],
    });
    this.client = newClient(this.server);
  }

  async restart(): Promise<void> {
    const { code, stderr } = await this.server.stop();
    assert.equal(code, 0, stderr);
    await this.start();
  }

  async remove(): Promise<void> {
    await this.server.remove();
    removeFolder(this.folder);
    removeFolder(this.clock);
  }
}

async function begin(t: TestContext, ...shiftsS: readonly number[]): Promise<World> {
  const world = new World();
  t.after(async () => await world.remove());
  world.set(...shiftsS);
  await world.start();
  return world;
}

/** Every hour of two days, twice; `last` is what was sent last of an hour, though its timestamp is the same. */
async function fill(world: World, meters: readonly Stripe.Billing.Meter[], name: string) {
  const token = await openStream(world.server);
  for (let part = 0; part < 2; part += 1) {
    const events = Array.from({ length: 48 }, (_, hour) =>
      meters.map(({ event_name }, m) => ({
        event_name,
        identifier: `${name}_${part}_${hour}_${m}`,
        timestamp: new Date((START_S + hour * HOUR_S) * 1000).toISOString(),
        payload: { stripe_customer_id: 'cus_1', value: `${part + 1}.5` },
      })),
    ).flat();
    for (let from = 0; from < events.length; from += 96) {
      const told = await tell(world.server, token, events.slice(from, from + 96));
      assert.deepEqual(new Set(fates(told)), new Set(['accepted']));
      const again = await tell(world.server, token, events.slice(from, from + 96));
      assert.deepEqual(new Set(fates(again)), new Set(['duplicate']));
    }
  }
}

async function keyed(world: World, event_name: string, idempotencyKey: string) {
  const { status, text, headers } = await call(world.server, {
    path: '/v1/billing/meter_events',
    body: {
      event_name,
      timestamp: START_S + 60,
      'payload[stripe_customer_id]': 'cus_keyed',
      'payload[value]': '1',
    },
    headers: { 'idempotency-key': idempotencyKey },
  });
  assert.equal(status, 200, text);
  return { text, replayed: headers['idempotent-replayed'] === 'true' };
}

async function sums(world: World, meters: readonly { readonly id: string }[]) {
  const range = { start_time: START_S, end_time: START_S + 2 * DAY_S };
  const of = async (meter: string, customer: string) =>
    await total(world.server, { meter, customer, ...range });
  const hourly = await Promise.all(
    meters.map(async ({ id }) => {
      const query = { meter: id, customer: 'cus_1', ...range };
      return await allSummaries(world.server, { ...query, value_grouping_window: 'hour' });
    }),
  );
  return {
    totals: await Promise.all(meters.map(async ({ id }) => await of(id, 'cus_1'))),
    keyed: await of(meters[1]?.id ?? '', 'cus_keyed'),
    hours: hourly.map((rows) => rows.length),
    lastOfHours: [...new Set(hourly[2]?.map((row) => row.aggregated_value))],
  };
}

const EXPECTED = {
  totals: ['192', '96', '2.5'],
  keyed: '1',
  hours: [48, 48, 48],
  lastOfHours: ['2.5'],
};

for (const [name, shifts] of [
  ['a day ahead and back', [0, AHEAD]],
  ['a day behind and back', [0, -AHEAD]],
] as const) {
  test(`a clock that jumps inside requests, ${name}`, async (t) => {
    const world = await begin(t, ...shifts);
    const meters = await Promise.all(
      (['sum', 'count', 'last'] as const).map((formula) => createMeter(world.client, { formula })),
    );
    const { event_name } = meters[1]!;
    const first = await keyed(world, event_name, 'one');
    await fill(world, meters, 'jumps');
    assert.deepEqual(await keyed(world, event_name, 'one'), { ...first, replayed: true });
    assert.deepEqual(await sums(world, meters), EXPECTED);
    // Restarted at each of the times, and once more at a time between.
    for (const shift of [...shifts, 0]) {
      world.set(shift);
      await world.restart();
      assert.deepEqual(await keyed(world, event_name, 'one'), { ...first, replayed: true });
      assert.deepEqual(await sums(world, meters), EXPECTED);
    }
    await cancelEvent(world.client, meters[0]!, 'jumps_1_7_0');
    assert.deepEqual((await sums(world, meters)).totals, ['189.5', '96', '2.5']);
    await world.server.stop();
    const audit = await runCli(['audit', '--data', world.folder]);
    assert.equal(audit.code, 0, audit.stderr);
  });
}

test('a start while the clock is two months ahead forgets nothing that is asked for when it is set back', async (t) => {
  const world = await begin(t, 0);
  const meter = await createMeter(world.client);
  const event = {
    event_name: meter.event_name,
    identifier: 'before',
    timestamp: new Date(START_S * 1000).toISOString(),
    payload: { stripe_customer_id: 'cus_1', value: '1' },
  };
  await tell(world.server, await openStream(world.server), [event]);
  const first = await keyed(world, meter.event_name, 'before');
  world.set(60 * DAY_S);
  await world.restart();
  // As a time service does, while the server runs.
  world.set(0);
  const told = await tell(world.server, await openStream(world.server), [event]);
  assert.deepEqual(fates(told), ['duplicate']);
  assert.deepEqual(await keyed(world, meter.event_name, 'before'), { ...first, replayed: true });
});

test('a key that is revoked stops working though the clock was set back', async (t) => {
  const world = await begin(t, 0);
  const created = await runCli(['keys', 'create', '--data', world.folder], { keys: null });
  const [secret = ''] = /sk_test_\w+/u.exec(created.stdout) ?? [];
  const [id = ''] = /key_\w+/u.exec(created.stdout) ?? [];
  const status = async (): Promise<number> =>
    (await call(world.server, { path: `/v1/billing/meters?${toForm({ limit: 1 })}`, key: secret }))
      .status;
  await until('it opens', async () => (await status()) === 200);
  world.set(-AHEAD);
  assert.equal((await runCli(['keys', 'revoke', id, '--data', world.folder])).code, 0);
  await until('it is refused', async () => (await status()) === 401);
});
