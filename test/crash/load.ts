/**
 * Clients that keep a server busy until it dies under them. Each lane sends one request at a time over a
 * kept connection and ends with the first request that gets no whole answer.
 *
 * Ordered lanes send to meters where the order of arrival matters. They settle an unknown outcome before
 * they send on, by sending the same again, so that their order of sending is the order of arrival. Free
 * lanes leave unknown outcomes behind for the end.
 */
import assert from 'node:assert/strict';
import type { Agent } from 'node:http';
import { call, errorOf, toForm, type Answer } from '../support/http.ts';
import { unique, type Random } from '../support/random.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, HOUR_S } from '../support/times.ts';
import type { Ledger, MeterName, SentCustomer, SentEvent } from './ledger.ts';

/** One run of the server, from listening to its end. */
export type Life = {
  readonly url: string;
  readonly agent: Agent;
  /** Called for each event that is acknowledged. */
  readonly onAck: () => void;
};

/** The server died: no whole answer came. */
export class Lost extends Error {}

export type World = {
  readonly ledger: Ledger;
  readonly random: Random;
  readonly startS: number;
  readonly meterIds: ReadonlyMap<MeterName, string>;
  /** Opens the stream, whatever dies. */
  readonly token: string;
};

export async function ask(life: Life, what: Parameters<typeof call>[1]): Promise<Answer> {
  try {
    return await call(life, { ...what, agent: life.agent });
  } catch (error) {
    throw new Lost('no answer', { cause: error });
  }
}

/** Sends an event, for the first time or again, and writes down what the answer proves. */
export async function sendEvent(life: Life, event: SentEvent): Promise<Answer> {
  const { idempotencyKey, identifier } = event;
  const answer = await ask(life, {
    path: '/v1/billing/meter_events',
    body: toForm({
      event_name: event.meter,
      timestamp: event.timestampS,
      'payload[stripe_customer_id]': event.customer,
      'payload[value]': event.value,
      ...(identifier === undefined ? {} : { identifier }),
    }),
    headers: idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
  });
  if (answer.status === 200) {
    // A replay must be the first answer to the letter.
    if (event.answer !== undefined) assert.equal(answer.text, event.answer);
    event.answer = answer.text;
    if (!event.stored) life.onAck();
    event.stored = true;
  } else {
    assert.equal(errorOf(answer).code, 'duplicate_meter_event', answer.text);
    event.stored = true;
  }
  return answer;
}

export async function sendCancel(life: Life, event: SentEvent): Promise<void> {
  event.cancel = event.cancel === 'no' ? 'sent' : event.cancel;
  const answer = await ask(life, {
    path: '/v1/billing/meter_event_adjustments',
    body: toForm({
      type: 'cancel',
      event_name: event.meter,
      'cancel[identifier]': identifierOf(event),
    }),
  });
  assert.equal(answer.status, 200, answer.text);
  event.cancel = 'acknowledged';
}

export async function sendCustomer(life: Life, customer: SentCustomer): Promise<Answer> {
  const answer = await ask(life, {
    path: '/v1/customers',
    body: toForm({ name: customer.name }),
    headers: { 'idempotency-key': customer.idempotencyKey },
  });
  assert.equal(answer.status, 200, answer.text);
  if (customer.answer !== undefined) assert.equal(answer.text, customer.answer);
  customer.answer = answer.text;
  return answer;
}

/** The identifier that was sent, or the one that the server made. */
function identifierOf(event: SentEvent): string {
  if (event.identifier !== undefined) return event.identifier;
  const made = JSON.parse(event.answer ?? assert.fail('not answered yet')) as {
    readonly identifier: string;
  };
  return made.identifier;
}

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
  { random }: World,
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
    if (error instanceof assert.AssertionError) throw error;
    throw new Lost('no answer', { cause: error });
  }
  const { sent } = world.ledger.bounds('crash_count', customer);
  assert.ok(counted >= stored, `${counted} counted, ${stored} acknowledged before`);
  assert.ok(counted <= sent, `${counted} counted, ${sent} sent`);
}
