/**
 * One client of the soak. It alone sends for its customers, one request after the other, and settles each before the
 * next: so at any moment it knows what their usage must be, to the last digit, whatever the server went through.
 */
import { errorOf, toForm, type Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { fates, TELL, type Told } from '../support/stream.ts';
import { isoOf, V2_EVENTS, V2_STREAM } from '../support/v2.ts';
import { pause } from '../support/wait.ts';
import { auditOnce } from './audit.ts';
import { isCancellable, METER_NAMES, Tally, type TalliedEvent } from './tally.ts';
import type { World } from './world.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
/** Of the events that were acknowledged last, to be cancelled or sent again. */
const RECENT_MAX = 200;
const BATCH_MAX = 50;

export type Lane = {
  readonly tallies: ReadonlyMap<string, Tally>;
  /** Acknowledged events, the last ones. */
  readonly recent: TalliedEvent[];
};

export function newLane(customers: readonly string[]): Lane {
  return { tallies: new Map(customers.map((name) => [name, new Tally()])), recent: [] };
}

/** Until the world is over: a request, then a pause of `pauseMs` on average. */
export async function run(world: World, lane: Lane, pauseMs: number): Promise<void> {
  const { random } = world;
  while (!world.isOver) {
    const dice = random.below(100);
    if (dice < 55) await sendOne(world, lane);
    else if (dice < 80) await sendBatch(world, lane, newEvents(world, lane));
    else if (dice < 85) await cancelOne(world, lane);
    else if (dice < 90) await sendAgain(world, lane);
    else await auditOnce(world, lane);
    await pause(random.below(2 * pauseMs));
  }
}

/** As v1 or v2 have it; with an Idempotency-Key or without. */
async function sendOne(world: World, lane: Lane): Promise<void> {
  const event = newEvent(world, lane);
  const { answer, isFirst } = await sendEvent(world, event, world.random.chance(0.3));
  const isStored = answer.status === 200 || (isDuplicate(answer) && !isFirst);
  if (!isStored) world.differs(`a new event: ${answer.status} ${answer.text}`);
  else acknowledge(world, lane, [event]);
}

async function sendEvent(
  world: World,
  event: TalliedEvent,
  isKeyed: boolean,
): ReturnType<World['settle']> {
  const headers = isKeyed ? { 'idempotency-key': unique('key') } : {};
  if (world.random.chance(0.5)) {
    const body = JSON.stringify(toJson(event));
    return await world.settle({ path: V2_EVENTS, body, headers: { ...headers, ...JSON_TYPE } });
  }
  const { meter, customer, value, timestampS, identifier } = event;
  const fields = { event_name: meter, timestamp: timestampS, identifier };
  const payload = { 'payload[stripe_customer_id]': customer, 'payload[value]': value };
  const body = toForm({ ...fields, ...payload });
  return await world.settle({ path: '/v1/billing/meter_events', body, headers });
}

/** All of a batch is stored or nothing; a bad event in it harms none. */
export async function sendBatch(
  world: World,
  lane: Lane,
  events: readonly TalliedEvent[],
): Promise<void> {
  const bad = { event_name: 'soak_sum', payload: { stripe_customer_id: 'c', value: 'x' } };
  const isKeyed = world.random.chance(0.3);
  const { answer, isFirst } = await world.settleStream({
    path: V2_STREAM,
    body: JSON.stringify({ events: [...events.map(toJson), bad] }),
    headers: {
      ...TELL,
      ...JSON_TYPE,
      ...(isKeyed ? { 'idempotency-key': unique('key') } : {}),
    },
  });
  const found = answer.status === 200 ? fates(JSON.parse(answer.text) as Told) : [];
  const wanted = found[0] === 'duplicate' && !isFirst ? 'duplicate' : 'accepted';
  const expected = [...events.map(() => wanted), 'meter_event_invalid_value'];
  if (found.join() === expected.join()) acknowledge(world, lane, events);
  else world.differs(`a batch: ${answer.status} ${answer.text.slice(0, 1000)}`);
  world.counts.batches += 1;
}

async function cancelOne(world: World, lane: Lane): Promise<void> {
  const candidates = lane.recent.filter(isCancellable);
  if (candidates.length === 0) return;
  const event = world.random.pick(candidates);
  lane.recent.splice(lane.recent.indexOf(event), 1);
  const { answer } = await world.settle({
    path: '/v1/billing/meter_event_adjustments',
    body: toForm({
      type: 'cancel',
      event_name: event.meter,
      'cancel[identifier]': event.identifier,
    }),
  });
  if (answer.status !== 200) world.differs(`a cancellation: ${answer.status} ${answer.text}`);
  else lane.tallies.get(event.customer)?.cancel(event);
  world.counts.cancels += 1;
}

/** What was acknowledged once is a duplicate for ever. */
async function sendAgain(world: World, lane: Lane): Promise<void> {
  if (lane.recent.length === 0) return;
  const { answer } = await sendEvent(world, world.random.pick(lane.recent), false);
  if (!isDuplicate(answer)) world.differs(`sent again: ${answer.status} ${answer.text}`);
  world.counts.duplicates += 1;
}

function acknowledge(world: World, lane: Lane, events: readonly TalliedEvent[]): void {
  for (const event of events) lane.tallies.get(event.customer)?.add(event);
  lane.recent.push(...events);
  lane.recent.splice(0, lane.recent.length - RECENT_MAX);
  world.counts.events += events.length;
}

function newEvents(world: World, lane: Lane): TalliedEvent[] {
  const count = 1 + world.random.below(BATCH_MAX);
  return Array.from({ length: count }, () => newEvent(world, lane));
}

/** With many ties, and values of either sign with all digits. */
export function newEvent({ random, startS, endS }: World, lane: Lane): TalliedEvent {
  const fraction = String(random.below(1e6)).padStart(6, '0') + String(random.below(1e6));
  return {
    meter: random.pick(METER_NAMES),
    customer: random.pick([...lane.tallies.keys()]),
    identifier: unique('soak'),
    value: `${random.chance(0.3) ? '-' : ''}${random.below(1e9)}.${fraction.slice(0, 12)}`,
    timestampS: startS + random.below(endS - startS),
  };
}

function toJson({ meter, customer, value, timestampS, identifier }: TalliedEvent): object {
  const payload = { stripe_customer_id: customer, value };
  return { event_name: meter, payload, timestamp: isoOf(timestampS), identifier };
}

function isDuplicate(answer: Answer): boolean {
  return answer.status === 400 && errorOf(answer).code === 'duplicate_meter_event';
}
