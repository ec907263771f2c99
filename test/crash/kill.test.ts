/**
 * P1 and P2: a server under load is killed with `kill -9` again and again and started on the same folder.
 * At the end: acknowledged ⊆ stored ⊆ sent, each once, and of a batch all or nothing; the rollup equals the raw
 * events; and sending everything again changes nothing.
 *
 * TAXIMETER_KILLS says how often (50 unless told); TAXIMETER_SEED repeats the draws of a run.
 */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { digits } from '../support/decimal.ts';
import { createMeter } from '../support/fixtures.ts';
import { newRandom } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import { runCli, Server } from '../support/server.ts';
import { openStream } from '../support/stream.ts';
import { allSummaries, total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { inParallel } from '../support/wait.ts';
import { Ledger, METERS, type MeterName, type SentBatch } from './ledger.ts';
import {
  catalogLane,
  freeLane,
  Lost,
  orderedLane,
  sendCancel,
  sendCustomer,
  sendEvent,
  type Life,
  type World,
} from './load.ts';
import { NEW_EVENTS, orderedStreamLane, sendBatch, streamLane } from './stream-load.ts';

const KILLS = Number(process.env['TAXIMETER_KILLS'] ?? '50');
/** Events acknowledged before a kill are drawn below this. */
const ACKS_PER_LIFE = 700;
const LIFE_LIMIT_MS = 5000;
const WIDTH = 16;

test(
  `${KILLS} kills lose nothing and double nothing`,
  { timeout: 180_000 + KILLS * 10_000 },
  async (t) => {
    const random = newRandom();
    t.diagnostic(`seed ${random.seed} (TAXIMETER_SEED repeats its draws)`);
    const server = await Server.start({ args: ['--session-minutes', '1440'] });
    try {
      const meterIds = new Map<MeterName, string>();
      for (const [event_name, fields] of Object.entries(METERS)) {
        const meter = await createMeter(newClient(server), { event_name, ...fields });
        meterIds.set(event_name as MeterName, meter.id);
      }
      const token = await openStream(server);
      const world: World = { ledger: new Ledger(), random, startS: dayStart(4), meterIds, token };
      for (let kills = 0; kills < KILLS; kills++) {
        if (kills > 0 && random.chance(0.2)) {
          // Killed while it starts: it may be in the middle of finishing what the last kill left.
          await delay(random.below(400));
          await server.kill();
          server.relaunch();
          continue;
        }
        await server.ready();
        await live(world, server);
        server.relaunch();
      }
      await server.ready();
      const unknown = world.ledger.events.filter((event) => !event.stored).length;
      t.diagnostic(
        `${KILLS} kills, ${world.ledger.events.length} events sent, some in ${world.ledger.batches.length} batches, ${unknown} of unknown outcome, ` +
          `${world.ledger.customers.length} customers`,
      );
      await checkBounds(world, server);
      await checkEnd(t, world, server);
    } finally {
      await server.remove();
    }
  },
);

/** Puts the server under load, kills it at a drawn point, and waits until every client has noticed. */
async function live(world: World, server: Server): Promise<void> {
  const { random } = world;
  let killed: Promise<unknown> | undefined;
  const kill = (): void => {
    killed ??= delay(random.below(15)).then(async () => await server.kill());
  };
  // Often soon after the start, else somewhere under load.
  let acksLeft = random.chance(0.25) ? random.below(8) : random.below(ACKS_PER_LIFE);
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const life: Life = {
    url: server.url,
    agent,
    onAck: () => {
      acksLeft -= 1;
      if (acksLeft <= 0) kill();
    },
  };
  const limit = setTimeout(kill, LIFE_LIMIT_MS);
  const lanes = [
    ...Array.from(
      { length: 8 },
      async (_, n) => await freeLane(world, life, [`free${n % 3}`, 'shared']),
    ),
    ...Array.from({ length: 4 }, async (_, n) => await orderedLane(world, life, `ordered${n}`)),
    ...Array.from({ length: 3 }, async (_, n) => await streamLane(world, life, `batched${n}`)),
    ...[4, 5].map(async (n) => await orderedStreamLane(world, life, `ordered${n}`)),
    catalogLane(world, life),
  ];
  const ends = await Promise.allSettled(lanes);
  clearTimeout(limit);
  agent.destroy();
  for (const end of ends) {
    if (end.status === 'rejected' && !(end.reason instanceof Lost)) throw end.reason;
  }
  assert.ok(killed !== undefined, `the server died on its own: ${server.stderr}`);
  await killed;
}

/** Before anything is sent again: acknowledged ⊆ stored ⊆ sent. */
async function checkBounds(world: World, server: Server): Promise<void> {
  for (const { meter, customer } of world.ledger.pairs()) {
    if (meter !== 'crash_count') continue;
    const counted = Number(await total(server, { ...rangeOf(world, meter), customer }));
    const { stored, sent } = world.ledger.bounds(meter, customer);
    assert.ok(stored <= counted && counted <= sent, `${customer}: ${stored}, ${counted}, ${sent}`);
    // Each of its batches has that many for this meter, so a part of one would be left over.
    if (customer.startsWith('batched')) assert.equal(counted % NEW_EVENTS, 0, 'whole batches');
  }
}

async function checkEnd(t: TestContext, world: World, server: Server): Promise<void> {
  const { ledger } = world;
  const acked = new Set(ledger.events.filter((event) => event.stored));
  const found = await sendAllAgain(world, server);
  const lost = ledger.events.filter((event) => acked.has(event) && found.fresh.has(event));
  assert.deepEqual(lost, [], 'acknowledged events that the server did not know any more');
  t.diagnostic(`${found.fresh.size} events were not stored before they were sent again`);
  await checkUsage(world, server);

  const usageBefore = await snapshot(world, server);
  const again = await sendAllAgain(world, server);
  assert.equal(again.fresh.size, 0, 'sending everything again stores nothing');
  assert.equal(await snapshot(world, server), usageBefore);
  await checkCustomers(world, server);

  const stopped = await server.stop();
  assert.equal(stopped.code, 0, stopped.stderr);
  const audit = await runCli(['audit', '--data', server.folder]);
  assert.equal(audit.code, 0, audit.stdout + audit.stderr);
  t.diagnostic(audit.stdout.trim());
  await server.restart();
  assert.equal(await snapshot(world, server), usageBefore, 'the same after a clean restart');
}

/** Sends every event, batch, cancel and customer once more; `fresh` are the events that were accepted as new. */
async function sendAllAgain(
  world: World,
  server: Server,
): Promise<{ readonly fresh: ReadonlySet<object> }> {
  const { ledger, random } = world;
  const agent = new Agent({ keepAlive: true, maxSockets: WIDTH });
  const life: Life = { url: server.url, agent, onAck: () => {} };
  const fresh = new Set<object>();
  const again = async (batch: SentBatch): Promise<void> => {
    const outcome = await sendBatch(world, life, batch);
    if (outcome === 'accepted') for (const event of batch.fresh) fresh.add(event);
  };
  // What is unknown comes first, and what the ordered lanes left of it in order.
  for (const batch of ledger.batches) {
    if (batch.answer === undefined) await again(batch);
  }
  for (const event of ledger.events) {
    if (event.stored || event.isBatched || !event.customer.startsWith('ordered')) continue;
    if (await isFresh(life, event)) fresh.add(event);
  }
  await inParallel(random.shuffled(ledger.batches), WIDTH, again);
  // Of what came in batches, some once more alone, by v1.
  const alone = ledger.events.filter(
    (event) => !event.isBatched || (event.identifier !== undefined && random.chance(0.1)),
  );
  await inParallel(random.shuffled(alone), WIDTH, async (event) => {
    if (await isFresh(life, event)) fresh.add(event);
  });
  const cancelled = ledger.events.filter((event) => event.cancel !== 'no');
  await inParallel(cancelled, WIDTH, async (event) => await sendCancel(life, event));
  await inParallel(ledger.customers, WIDTH, async (customer) => {
    const known = customer.answer !== undefined;
    const answer = await sendCustomer(life, customer);
    if (known) assert.equal(answer.headers['idempotent-replayed'], 'true');
  });
  agent.destroy();
  return { fresh };
}

async function isFresh(life: Life, event: Parameters<typeof sendEvent>[1]): Promise<boolean> {
  const { status, headers } = await sendEvent(life, event);
  return status === 200 && headers['idempotent-replayed'] !== 'true';
}

function rangeOf(
  world: World,
  meter: MeterName,
): { readonly meter: string; readonly start_time: number; readonly end_time: number } {
  const id = world.meterIds.get(meter) ?? '';
  return { meter: id, start_time: world.startS, end_time: world.startS + 2 * DAY_S };
}

/** Every sum, by the hour and in all, is what the ledger says, to the last digit. */
async function checkUsage(world: World, server: Server): Promise<void> {
  for (const { meter, customer } of world.ledger.pairs()) {
    const query = { ...rangeOf(world, meter), customer };
    const usage = world.ledger.usage(meter, customer);
    const hourly = await allSummaries(server, { ...query, value_grouping_window: 'hour' });
    const found = new Map(hourly.map((row) => [row.start_time, row.aggregated_value]));
    found.set(0, await total(server, query));
    const expected = new Map([[0, '0']]);
    for (const [start, value] of usage) expected.set(start, digits(value));
    assert.deepEqual(found, new Map([...found.keys()].map((key) => [key, expected.get(key)])));
    assert.equal(found.size, expected.size, `${meter} of ${customer}`);
  }
}

/** All sums as text, to compare two moments. */
async function snapshot(world: World, server: Server): Promise<string> {
  const rows = await inParallel(world.ledger.pairs(), 4, async ({ meter, customer }) => {
    const query = { ...rangeOf(world, meter), customer };
    const hourly = await allSummaries(server, { ...query, value_grouping_window: 'hour' });
    return [meter, customer, await total(server, query), hourly];
  });
  return JSON.stringify(rows);
}

/** Each customer that was sent is registered once. */
async function checkCustomers({ ledger }: World, server: Server): Promise<void> {
  const names: (string | null | undefined)[] = [];
  const list = newClient(server).customers.list({ limit: 100 });
  for await (const customer of list) names.push(customer.name);
  assert.equal(names.length, ledger.customers.length);
  assert.deepEqual(new Set(names), new Set(ledger.customers.map(({ name }) => name)));
}
