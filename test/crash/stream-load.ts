/**
 * Clients of the stream that keep a server busy until it dies under them: lanes as those of load.ts, of batches.
 * A batch has new events, some of them twice, events that are stored already, and bad ones.
 */
import assert from 'node:assert/strict';
import { unique } from '../support/random.ts';
import { fates, TELL, type Told } from '../support/stream.ts';
import { DAY_S, HOUR_S } from '../support/times.ts';
import { V2_STREAM } from '../support/v2.ts';
import type { SentBatch, SentEvent } from './ledger.ts';
import { cancelOne, newEvent, readBetween } from './load.ts';
import { ask, sendCancel, toJson, type Life, type World } from './send.ts';

/** How many new events a free lane's batch has for the meter that counts. */
export const NEW_EVENTS = 7;
/** A batch is so many steps towards the kill, about as many as it has events. */
const ACKS_PER_BATCH = 8;

/**
 * Sends a batch, for the first time or again, and writes down what the answer proves. `accepted`: its new events
 * were stored by this very request; `known`: they were there before.
 */
export async function sendBatch(
  { token }: Pick<World, 'token'>,
  life: Life,
  batch: SentBatch,
): Promise<'accepted' | 'known'> {
  const { list, fresh, idempotencyKey } = batch;
  const { status, text, headers } = await ask(life, {
    path: V2_STREAM,
    key: token,
    body: JSON.stringify({ events: list.map((event) => (event === 'bad' ? BAD : toJson(event))) }),
    headers: {
      ...TELL,
      'content-type': 'application/json',
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
  });
  assert.equal(status, 200, text);
  const isReplay = headers['idempotent-replayed'] === 'true';
  if (isReplay && batch.answer !== undefined) assert.equal(text, batch.answer);
  const outcome = assertWhole(batch, fates(JSON.parse(text) as Told));
  batch.answer ??= text;
  for (let n = 0; n < ACKS_PER_BATCH; n++) life.onAck();
  for (const event of fresh) event.stored = true;
  return isReplay ? 'known' : outcome;
}

/** The new events are all accepted or all known; the others have the fate that they must have. */
function assertWhole({ list, fresh }: SentBatch, found: readonly string[]): 'accepted' | 'known' {
  const first = found[list.indexOf(fresh[0]!)];
  const outcome = first === 'accepted' ? first : 'duplicate';
  const expected = list.map((event, index) => {
    if (event === 'bad') return 'meter_event_invalid_value';
    const isNew = fresh.includes(event) && list.indexOf(event) === index;
    return isNew ? outcome : 'duplicate';
  });
  assert.deepEqual(found, expected, 'a batch is stored whole or not at all');
  return outcome === 'accepted' ? outcome : 'known';
}

/** Of a meter that takes no such value. */
const BAD = { event_name: 'crash_sum', payload: { stripe_customer_id: 'c', value: 'x' } };

/** Sum and count, with reads and cancels between; never waits for an unknown outcome. */
export async function streamLane(world: World, life: Life, customer: string): Promise<void> {
  const { random } = world;
  for (;;) {
    const dice = random.below(20);
    if (dice < 1) await readBetween(world, life, customer);
    else if (dice < 3) await cancelOne(world, life, customer);
    else {
      const isKeyed = random.chance(0.6);
      const sums = Array.from({ length: random.below(4) }, () => 'crash_sum' as const);
      const counts = Array.from({ length: NEW_EVENTS }, () => 'crash_count' as const);
      const fresh = [...sums, ...counts].map((meter): SentEvent => {
        const timestampS = world.startS + random.below(2 * DAY_S);
        // Only under a key may an event go without an identifier.
        const identifier = isKeyed && random.chance(0.7) ? undefined : unique('batched');
        return batched({ ...newEvent(world, meter, customer, timestampS), identifier });
      });
      await sendBatch(world, life, newBatch(world, fresh, isKeyed, random.shuffled(fresh)));
    }
  }
}

/** Last and windowed meters, with many ties; settles each outcome before the next batch. */
export async function orderedStreamLane(world: World, life: Life, customer: string): Promise<void> {
  const { random, ledger } = world;
  const isOwn = (event: SentEvent): boolean => event.customer === customer;
  for (const batch of ledger.batches.filter(({ fresh }) => fresh.some(isOwn))) {
    if (batch.answer === undefined) await sendBatch(world, life, batch);
  }
  const own = ledger.events.filter(isOwn);
  for (const event of own) if (event.cancel === 'sent') await sendCancel(life, event);
  for (;;) {
    if (own.length > 0 && random.chance(0.1)) {
      await sendCancel(life, random.pick(own.slice(-20)));
      continue;
    }
    const fresh = Array.from({ length: 1 + random.below(6) }, (): SentEvent => {
      const meter = random.chance(0.5) ? 'crash_last' : 'crash_window';
      const timestampS = world.startS + random.below(6) * HOUR_S + random.below(3);
      const event = newEvent(world, meter, customer, timestampS);
      return batched({ ...event, identifier: unique('ordered') });
    });
    own.push(...fresh);
    await sendBatch(world, life, newBatch(world, fresh, random.chance(0.3), fresh));
  }
}

function batched(event: SentEvent): SentEvent {
  return { ...event, idempotencyKey: undefined, isBatched: true };
}

/** Writes down a batch of new events in the given order, with others put between that change nothing. */
function newBatch(
  { ledger, random }: World,
  fresh: readonly SentEvent[],
  isKeyed: boolean,
  order: readonly SentEvent[],
): SentBatch {
  const list: (SentEvent | 'bad')[] = [];
  const stored = ledger.events.slice(-200).filter(isKnownStored);
  for (const event of order) {
    if (random.chance(0.1)) list.push('bad');
    if (stored.length > 0 && random.chance(0.1)) list.push(random.pick(stored));
    list.push(event);
    if (event.identifier !== undefined && random.chance(0.1)) list.push(event);
  }
  const idempotencyKey = isKeyed ? unique('key') : undefined;
  const batch = { list, fresh, idempotencyKey, answer: undefined };
  ledger.events.push(...fresh);
  ledger.batches.push(batch);
  return batch;
}

function isKnownStored({ stored, identifier }: SentEvent): boolean {
  return stored && identifier !== undefined;
}
