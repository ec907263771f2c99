/**
 * Clients that keep a server busy until it dies under them. Each lane sends one request at a time over a
 * kept connection and ends with the first request that gets no whole answer.
 *
 * Ordered lanes send to meters where the order of arrival matters. They settle an unknown outcome before
 * they send on, by sending the same again, so that their order of sending is the order of arrival. Free
 * lanes leave unknown outcomes behind for the end.
 */
import assert from 'node:assert/strict';
import { unique } from '../support/random.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, HOUR_S } from '../support/times.ts';
import type { MeterName, SentEvent } from './ledger.ts';
import { ask, Lost, sendCancel, sendCustomer, sendEvent, type Life, type World } from './send.ts';

/** Sum and count, with reads between; never waits for an unknown outcome. */
export async function freeLane(
  world: World,
  life: Life,
  customers: readonly string[],
): Promise<void> {
  const { random, ledger } = world;
  for (;;) {
    const customer = random.pick(customers);
    const dice = random.below(100);
    if (dice < 3) await readBetween(world, life, customer);
    else if (dice < 8) await cancelOne(world, life, customer);
    else {
      const meter = random.chance(0.5) ? 'crash_sum' : 'crash_count';
      const timestampS = world.startS + random.below(2 * DAY_S);
      const event = newEvent(world, meter, customer, timestampS);
      ledger.events.push(event);
      await sendEvent(life, event);
    }
  }
}

/** Last and windowed meters, with many ties; settles each outcome before the next event. */
export async function orderedLane(world: World, life: Life, customer: string): Promise<void> {
  const { random, ledger } = world;
  const own = ledger.events.filter((event) => event.customer === customer);
  for (const event of own) {
    if (!event.stored) await sendEvent(life, event);
    if (event.cancel === 'sent') await sendCancel(life, event);
  }
  for (;;) {
    if (own.length > 0 && random.chance(0.06)) {
      await sendCancel(life, random.pick(own.slice(-20)));
      continue;
    }
    const meter = random.chance(0.5) ? 'crash_last' : 'crash_window';
    const timestampS = world.startS + random.below(6) * HOUR_S + random.below(3);
    // Only an identifier proves at once whether a lost event is stored, whatever the server remembers of keys.
    const event = { ...newEvent(world, meter, customer, timestampS), idempotencyKey: undefined };
    const settled = { ...event, identifier: event.identifier ?? unique('ordered') };
    ledger.events.push(settled);
    own.push(settled);
    await sendEvent(life, settled);
  }
}

/** Registers customers, each with an Idempotency-Key, and looks at them. */
export async function catalogLane(world: World, life: Life): Promise<void> {
  for (;;) {
    for (let reads = 0; reads < 5; reads++) {
      const { status } = await ask(life, { path: '/v1/customers?limit=100' });
      assert.equal(status, 200);
    }
    const name = unique('customer');
    const customer = { idempotencyKey: `key ${name}`, name, answer: undefined };
    world.ledger.customers.push(customer);
    await sendCustomer(life, customer);
  }
}

/** With an identifier, with an Idempotency-Key, or with both: each of them must make a retry safe. */
export function newEvent(
  { random }: Pick<World, 'random'>,
  meter: MeterName,
  customer: string,
  timestampS: number,
): SentEvent {
  const how = random.below(10);
  const sign = random.chance(0.3) ? '-' : '';
  const fraction = String(random.below(1e6)).padStart(6, '0') + String(random.below(1e6));
  return {
    meter,
    customer,
    value: `${sign}${random.below(1e9)}.${fraction.slice(0, 12)}`,
    timestampS,
    identifier: how < 7 ? unique('event') : undefined,
    idempotencyKey: how >= 6 ? unique('key') : undefined,
    wire: random.chance(0.5) ? 'v1' : 'v2',
    isBatched: false,
    answer: undefined,
    stored: false,
    cancel: 'no',
  };
}

export async function cancelOne(
  { ledger, random }: World,
  life: Life,
  customer: string,
): Promise<void> {
  // Counts are compared with bounds under way, so they are never cancelled.
  const recent = ledger.events.slice(-300);
  const candidates = recent.filter(
    (event) =>
      event.customer === customer &&
      event.meter === 'crash_sum' &&
      (event.answer !== undefined || (event.stored && event.identifier !== undefined)),
  );
  if (candidates.length > 0) await sendCancel(life, random.pick(candidates));
}

/** P3 under way: what was acknowledged before is counted, and nothing that was never sent. */
export async function readBetween(world: World, life: Life, customer: string): Promise<void> {
  const { stored } = world.ledger.bounds('crash_count', customer);
  const query = {
    meter: world.meterIds.get('crash_count') ?? '',
    customer,
    start_time: world.startS,
    end_time: world.startS + 2 * DAY_S,
    agent: life.agent,
  };
  let counted: number;
  try {
    counted = Number(await total(life, query));
  } catch (error) {
    if (error instanceof assert.AssertionError && !life.isStopping) throw error;
    throw new Lost('no answer', { cause: error });
  }
  const { sent } = world.ledger.bounds('crash_count', customer);
  assert.ok(counted >= stored, `${counted} counted, ${stored} acknowledged before`);
  assert.ok(counted <= sent, `${counted} counted, ${sent} sent`);
}
