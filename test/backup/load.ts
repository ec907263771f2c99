/** Clients that keep a server busy until they are told to stop, by the official SDK and by the stream. */
import assert from 'node:assert/strict';
import { cancelEvent, createMeter } from '../support/fixtures.ts';
import { call, toForm } from '../support/http.ts';
import { unique, type Random } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import type { Server } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { digits } from '../support/decimal.ts';
import { allSummaries, total } from '../support/summaries.ts';
import { DAY_S, HOUR_S } from '../support/times.ts';
import { inParallel } from '../support/wait.ts';
import { METERS, type Ledger, type MeterName, type Sent } from './ledger.ts';

export type World = {
  readonly ledger: Ledger;
  readonly random: Random;
  /** All events lie in the two days from here, but for those of `sendHistory`. */
  readonly startS: number;
  readonly meterIds: ReadonlyMap<MeterName, string>;
};

export async function createMeters(server: Server): Promise<ReadonlyMap<MeterName, string>> {
  const ids = new Map<MeterName, string>();
  for (const [event_name, fields] of Object.entries(METERS)) {
    const { id } = await createMeter(newClient(server), { event_name, ...fields });
    ids.set(event_name as MeterName, id);
  }
  return ids;
}

/** Events of long ago, in one request: they stay where they are, so that a second backup can share them. */
export async function sendHistory(world: World, server: Server): Promise<void> {
  const timestampS = world.startS - 70 * DAY_S;
  const batch = Array.from({ length: 2000 }, () => ({
    ...newEvent(world, 'history', undefined),
    timestampS,
  }));
  world.ledger.events.push(...batch);
  await tell(server, await openStream(server), batch.map(toStreamEvent));
  for (const event of batch) event.isAcknowledged = true;
}

/** Begins to send; the function that it answers stops all lanes and waits for their last answers. */
export async function keepBusy(world: World, server: Server): Promise<() => Promise<void>> {
  const token = await openStream(server);
  let isOver = false;
  const until = async (send: () => Promise<void>): Promise<void> => {
    while (!isOver) await send();
  };
  const lanes = Promise.all([
    ...[0, 1, 2, 3, 4, 5].map((n) => until(async () => await sendOne(world, server, `one${n}`))),
    ...[0, 1, 2].map((n) => until(async () => await sendBatch(world, server, token, `many${n}`))),
  ]);
  // Who awaits it later is told; until then it must not end the process.
  lanes.catch(() => (isOver = true));
  return async () => {
    isOver = true;
    await lanes;
  };
}

async function sendOne(world: World, server: Server, customer: string): Promise<void> {
  const { random, ledger } = world;
  const own = ledger.events.filter((event) => event.customer === customer && event.cancel === 'no');
  if (own.length > 0 && random.chance(0.1))
    return await cancel(server, random.pick(own.slice(-30)));
  const event = newEvent(world, customer, random.chance(0.3) ? unique('key') : undefined);
  ledger.events.push(event);
  await sendAlone(server, event);
}

/** By v1, for the first time or again. The same key gets the first answer. */
export async function sendAlone(server: Server, event: Sent): Promise<'recorded' | 'known'> {
  const { idempotencyKey } = event;
  const answer = await call(server, {
    path: '/v1/billing/meter_events',
    body: toForm({
      event_name: event.meter,
      identifier: event.identifier,
      timestamp: event.timestampS,
      'payload[stripe_customer_id]': event.customer,
      'payload[value]': event.value,
    }),
    headers: idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
  });
  if (answer.status !== 200) {
    assert.match(answer.text, /duplicate_meter_event/u);
    return 'known';
  }
  event.isAcknowledged = true;
  if (answer.headers['idempotent-replayed'] !== 'true') {
    event.answer ??= answer.text;
    return 'recorded';
  }
  assert.equal(answer.text, event.answer, 'a replay is the first answer');
  return 'known';
}

async function sendBatch(
  world: World,
  server: Server,
  token: string,
  customer: string,
): Promise<void> {
  const batch = Array.from({ length: 20 }, () => newEvent(world, customer, undefined));
  world.ledger.events.push(...batch);
  const { accepted } = await tell(server, token, batch.map(toStreamEvent));
  assert.equal(accepted, batch.length);
  for (const event of batch) event.isAcknowledged = true;
}

async function cancel(server: Server, event: Sent): Promise<void> {
  if (event.cancel === 'no') event.cancel = 'sent';
  await cancelEvent(newClient(server), { event_name: event.meter }, event.identifier);
  event.cancel = 'acknowledged';
}

/** Sends all once more, each customer's in order, and answers the identifiers that were taken as new. */
export async function sendAllAgain({ ledger }: World, server: Server): Promise<Set<string>> {
  const fresh = new Set<string>();
  const token = await openStream(server);
  const lanes = Map.groupBy(ledger.events, ({ customer }) => customer);
  await inParallel([...lanes.values()], 8, async (events) => {
    const isKeyed = events.some(({ idempotencyKey }) => idempotencyKey !== undefined);
    for (let at = 0; at < events.length; at += isKeyed ? 1 : 100) {
      const some = events.slice(at, at + (isKeyed ? 1 : 100));
      const taken = isKeyed
        ? await takenAlone(server, some)
        : await takenAtOnce(server, token, some);
      for (const { identifier } of taken) fresh.add(identifier);
    }
  });
  const cancelled = ledger.events.filter((event) => event.cancel !== 'no');
  await inParallel(cancelled, 8, async (event) => await cancel(server, event));
  return fresh;
}

async function takenAlone(server: Server, events: readonly Sent[]): Promise<readonly Sent[]> {
  const taken: Sent[] = [];
  for (const event of events) {
    if ((await sendAlone(server, event)) === 'recorded') taken.push(event);
  }
  return taken;
}

async function takenAtOnce(
  server: Server,
  token: string,
  events: readonly Sent[],
): Promise<readonly Sent[]> {
  const { results } = await tell(server, token, events.map(toStreamEvent));
  return events.filter((_, index) => results[index]?.status === 'accepted');
}

/** Every sum, by the hour and in all, is what the ledger says, to the last digit. */
export async function checkUsage(
  world: World,
  server: Server,
  counts: (event: Sent) => boolean,
): Promise<void> {
  const pairs = new Set(world.ledger.events.map(({ meter, customer }) => `${meter} ${customer}`));
  const found = new Map<string, string>();
  await inParallel([...pairs], 4, async (pair) => {
    const [meter, customer] = pair.split(' ') as [MeterName, string];
    const query = {
      meter: world.meterIds.get(meter) ?? '',
      customer,
      start_time: world.startS - 70 * DAY_S,
      end_time: world.startS + 2 * DAY_S,
    };
    const hours = await allSummaries(server, { ...query, value_grouping_window: 'hour' });
    for (const row of hours) found.set(`${pair} ${row.start_time}`, row.aggregated_value);
    if (hours.length > 0) found.set(`${pair} 0`, await total(server, query));
  });
  const expected = [...world.ledger.usage(counts)].map(
    ([key, value]) => [key, digits(value)] as const,
  );
  assert.deepEqual(found, new Map(expected));
}

function newEvent(
  { random, startS }: World,
  customer: string,
  idempotencyKey: string | undefined,
): Sent {
  const sign = random.chance(0.3) ? '-' : '';
  return {
    meter: random.pick(Object.keys(METERS) as MeterName[]),
    customer,
    identifier: unique('event'),
    value: `${sign}${random.below(1e9)}.${1 + random.below(1e9)}`,
    // Narrow: ties of time, and several events in a window.
    timestampS: startS + random.below(30) * HOUR_S + random.below(3),
    idempotencyKey,
    answer: undefined,
    isAcknowledged: false,
    cancel: 'no',
  };
}

function toStreamEvent(event: Sent): object {
  return {
    event_name: event.meter,
    identifier: event.identifier,
    timestamp: new Date(event.timestampS * 1000).toISOString(),
    payload: { stripe_customer_id: event.customer, value: event.value },
  };
}
