/** What must hold after a kill: acknowledged ⊆ stored ⊆ sent, each once, and every summary is the ledger's. */
import assert from 'node:assert/strict';
import { digits } from '../support/decimal.ts';
import { newClient } from '../support/sdk.ts';
import { runCli, type Server } from '../support/server.ts';
import { allSummaries, total } from '../support/summaries.ts';
import { DAY_S, MINUTE_S } from '../support/times.ts';
import { inParallel } from '../support/wait.ts';
import type { MeterName, Pair } from './ledger.ts';
import type { World } from './send.ts';
import { assertLastKnown, sendAllAgain, settle } from './settle.ts';
import { NEW_EVENTS } from './stream-load.ts';

/** So many meters of a customer are compared to the last digit after each kill; all of them in the end. */
const PAIRS_PER_KILL = 2;

/** After each kill, before anything else is sent. */
export async function checkKill(world: World, server: Server): Promise<void> {
  await checkBounds(world, server);
  await assertLastKnown(world, server);
  const pairs = world.random.shuffled(world.ledger.pairs()).slice(0, PAIRS_PER_KILL);
  for (const pair of pairs) {
    await settle(world, server, pair.customer);
    await checkPair(world, server, pair);
  }
}

/** Stops the server and starts it again in between; it is left running. Answers what the audit says. */
export async function checkEnd(world: World, server: Server): Promise<string> {
  const { ledger } = world;
  const acked = new Set(ledger.events.filter((event) => event.stored));
  const found = await sendAllAgain(world, server);
  const lost = ledger.events.filter((event) => acked.has(event) && found.has(event));
  assert.deepEqual(lost, [], 'acknowledged events that the server did not know any more');
  for (const pair of ledger.pairs()) await checkPair(world, server, pair);

  const before = await snapshot(world, server);
  assert.equal((await sendAllAgain(world, server, 0.2)).size, 0, 'once more stores nothing');
  assert.equal(await snapshot(world, server), before);
  await checkCustomers(world, server);

  const stopped = await server.stop();
  assert.equal(stopped.code, 0, stopped.stderr);
  const audit = await runCli(['audit', '--data', server.folder]);
  assert.equal(audit.code, 0, audit.stdout + audit.stderr);
  await server.restart();
  assert.equal(await snapshot(world, server), before, 'the same after a clean restart');
  return audit.stdout.trim();
}

/** Before anything is sent again: as many as are known to be stored, and no more than were sent. */
async function checkBounds(world: World, server: Server): Promise<void> {
  const counts = world.ledger.pairs().filter(({ meter }) => meter === 'crash_count');
  await inParallel(counts, 2, async ({ meter, customer }) => {
    const counted = Number(await total(server, { ...rangeOf(world, meter), customer }));
    const { stored, sent } = world.ledger.bounds(meter, customer);
    assert.ok(stored <= counted && counted <= sent, `${customer}: ${stored}, ${counted}, ${sent}`);
    // Each of its batches has that many for this meter, so a part of one would be left over.
    if (customer.startsWith('batched')) assert.equal(counted % NEW_EVENTS, 0, 'whole batches');
  });
}

/**
 * One customer's usage on one meter is what the ledger says, to the last digit: by the hour and in all, which
 * come from the rollup, and of a range that cuts hours, which comes from the raw events too.
 */
async function checkPair(world: World, server: Server, { meter, customer }: Pair): Promise<void> {
  const { ledger, random } = world;
  const query = { ...rangeOf(world, meter), customer };
  const what = `${meter} of ${customer}`;
  const hourly = await allSummaries(server, { ...query, value_grouping_window: 'hour' });
  const found = hourly.map((row) => [row.start_time, row.aggregated_value] as const);
  const expected = [...ledger.usage(meter, customer)].map(
    ([hour, v]) => [hour, digits(v)] as const,
  );
  assert.deepEqual(new Map(found), new Map(expected), what);
  assert.equal(found.length, expected.length, what);

  const cutMinutes = 1 + random.below(48 * 60);
  const ranges = [
    [query.start_time, query.end_time],
    [query.start_time, query.start_time + cutMinutes * MINUTE_S],
    [query.start_time + cutMinutes * MINUTE_S, query.end_time],
  ] as const;
  for (const [start_time, end_time] of ranges) {
    if (start_time === end_time) continue;
    const value = await total(server, { ...query, start_time, end_time });
    const ours = digits(ledger.total(meter, customer, [start_time, end_time]));
    assert.equal(value, ours, `${what} from ${start_time} to ${end_time}`);
  }
}

/** All usage as text, to compare two moments. */
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
  for await (const { name } of newClient(server).customers.list({ limit: 100 })) names.push(name);
  assert.equal(names.length, ledger.customers.length);
  assert.deepEqual(new Set(names), new Set(ledger.customers.map(({ name }) => name)));
}

function rangeOf(
  world: World,
  meter: MeterName,
): { readonly meter: string; readonly start_time: number; readonly end_time: number } {
  const id = world.meterIds.get(meter) ?? '';
  return { meter: id, start_time: world.startS, end_time: world.startS + 2 * DAY_S };
}
