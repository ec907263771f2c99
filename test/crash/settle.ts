/** Sends again: what is unknown, to learn what became of it, and what is known, which must change nothing. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { inParallel } from '../support/wait.ts';
import type { SentBatch, SentEvent } from './ledger.ts';
import { sendCancel, sendCustomer, sendEvent, type Life, type World } from './send.ts';
import { sendBatch } from './stream-load.ts';

const WIDTH = 16;
/** The acknowledged events and batches that were nearest to a kill are the ones at risk. */
const LAST_EVENTS = 40;
const LAST_BATCHES = 6;

type Origin = { readonly url: string };

/** A client that nothing happens to. */
export async function calmly<T>({ url }: Origin, run: (life: Life) => Promise<T>): Promise<T> {
  const agent = new Agent({ keepAlive: true, maxSockets: WIDTH });
  try {
    return await run({ url, agent, onAck: () => {}, isStopping: false });
  } finally {
    agent.destroy();
  }
}

/** What was acknowledged last must be known: sent again, none of it is taken as new. */
export async function assertLastKnown(world: World, origin: Origin): Promise<void> {
  const { events, batches } = world.ledger;
  const last = events.filter((event) => event.stored && !event.isBatched).slice(-LAST_EVENTS);
  const lastBatches = batches.filter(({ answer }) => answer !== undefined).slice(-LAST_BATCHES);
  await calmly(origin, async (life) => {
    await inParallel(last, WIDTH, async (event) => {
      assert.ok(!(await isFresh(life, event)), `lost: ${JSON.stringify(event)}`);
    });
    await inParallel(lastBatches, WIDTH, async (batch) => {
      assert.equal(await sendBatch(world, life, batch), 'known', `lost: ${JSON.stringify(batch)}`);
    });
  });
}

/** Brings every unknown outcome of one customer's events to its end, in the order in which they were sent. */
export async function settle(world: World, origin: Origin, customer: string): Promise<void> {
  const { events, batches } = world.ledger;
  const isOwn = (event: SentEvent): boolean => event.customer === customer;
  await calmly(origin, async (life) => {
    for (const batch of batches) {
      if (batch.answer === undefined && batch.fresh.some(isOwn)) {
        await sendBatch(world, life, batch);
      }
    }
    for (const event of events.filter(isOwn)) {
      if (!event.stored) await sendEvent(life, event);
      if (event.cancel === 'sent') await sendCancel(life, event);
    }
  });
}

/** Sends everything once more, or a part of what is known; answers the events that were accepted as new. */
export async function sendAllAgain(
  world: World,
  origin: Origin,
  part = 1,
): Promise<ReadonlySet<object>> {
  const { ledger, random } = world;
  const fresh = new Set<object>();
  await calmly(origin, async (life) => {
    const again = async (batch: SentBatch): Promise<void> => {
      const outcome = await sendBatch(world, life, batch);
      if (outcome === 'accepted') for (const event of batch.fresh) fresh.add(event);
    };
    const aloneAgain = async (event: SentEvent): Promise<void> => {
      if (await isFresh(life, event)) fresh.add(event);
    };
    // What is unknown comes first, and what the ordered lanes left of it in order.
    for (const batch of ledger.batches) if (batch.answer === undefined) await again(batch);
    for (const event of ledger.events) {
      if (!event.stored && !event.isBatched && event.customer.startsWith('ordered')) {
        await aloneAgain(event);
      }
    }
    const draw = <T>(items: readonly T[]): T[] =>
      random.shuffled(items).slice(0, Math.ceil(part * items.length));
    await inParallel(draw(ledger.batches), WIDTH, again);
    // Of what came in batches, some once more alone.
    const alone = ledger.events.filter(
      (event) => !event.isBatched || (event.identifier !== undefined && random.chance(0.1)),
    );
    await inParallel(draw(alone), WIDTH, aloneAgain);
    const cancelled = ledger.events.filter((event) => event.cancel !== 'no');
    await inParallel(cancelled, WIDTH, async (event) => await sendCancel(life, event));
    await inParallel(ledger.customers, WIDTH, async (customer) => {
      const known = customer.answer !== undefined;
      const answer = await sendCustomer(life, customer);
      if (known) assert.equal(answer.headers['idempotent-replayed'], 'true');
    });
  });
  return fresh;
}

async function isFresh(life: Life, event: SentEvent): Promise<boolean> {
  const { status, headers } = await sendEvent(life, event);
  return status === 200 && headers['idempotent-replayed'] !== 'true';
}
