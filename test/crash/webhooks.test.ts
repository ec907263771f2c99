/**
 * Between a fact and its delivery the server is killed with `kill -9`, again and again. At the end every change of a
 * meter that was acknowledged is exactly one event, of unknown outcome at most one; every event has come at least once
 * to each destination; and nothing has come that is not an event.
 *
 * TAXIMETER_KILLS says how often (50 unless told); TAXIMETER_SEED repeats the draws of a run.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { newRandom, type Random } from '../support/random.ts';
import { newClient, NEWEST, type Stripe } from '../support/sdk.ts';
import type { Server } from '../support/server.ts';
import { pause, until } from '../support/wait.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { createDestination, createEndpoint, startWithReceiver } from '../support/webhooks.ts';

const KILLS = Number(process.env['TAXIMETER_KILLS'] ?? '50');
const METERS = 4;
/** Changes acknowledged before a kill are drawn below this. */
const CHANGES_PER_LIFE = 30;
/** Deliveries last after the tests' changes: SDKs would refuse them as too old. */
const ANY_AGE_S = 1e9;

/** A name that a meter was given; each is given once. */
type Change = { readonly meter: string; readonly name: string; isAcknowledged: boolean };

type World = {
  readonly random: Random;
  readonly receiver: Receiver;
  readonly meters: readonly string[];
  readonly changes: Change[];
  readonly secrets: { readonly snapshot: string; readonly thin: string };
};

test(
  `${KILLS} kills between fact and delivery lose no event and invent none`,
  { timeout: 600_000 + KILLS * 60_000 },
  async (t) => {
    const random = newRandom();
    t.diagnostic(`seed ${random.seed} (TAXIMETER_SEED repeats its draws)`);
    const { server, client, receiver } = await startWithReceiver();
    try {
      // Some answers are on their way when the server dies.
      receiver.answer = (_got, response) => void pause(random.below(4)).then(() => response.end());
      const snapshot = await createEndpoint(client, `${receiver.url}/snapshot`, {
        enabled_events: ['billing.meter.updated'],
      });
      const thin = await createDestination(client, `${receiver.url}/thin`, {
        enabled_events: ['v1.billing.meter.updated'],
      });
      const meters: string[] = [];
      for (let n = 0; n < METERS; n++) meters.push((await createMeter(client)).id);
      const secrets = { snapshot: snapshot.secret, thin: thin.secret };
      const world: World = { random, receiver, meters, changes: [], secrets };
      for (let kills = 0; kills < KILLS; kills++) {
        await live(world, server);
        server.relaunch();
        await server.ready();
      }
      await check(t, world, server);
    } finally {
      await receiver.close();
      await server.remove();
    }
  },
);

/** Renames meters, each by one client, and kills the server after a drawn number of answers. */
async function live(world: World, server: Server): Promise<void> {
  const { random, meters } = world;
  const client = newClient(server, { maxNetworkRetries: 0 });
  let answersLeft = random.below(CHANGES_PER_LIFE);
  let killed: Promise<unknown> | undefined;
  const onAnswer = (): void => {
    if (answersLeft-- > 0) return;
    killed ??= pause(random.below(10)).then(async () => await server.kill());
  };
  onAnswer();
  await Promise.all(meters.map(async (meter) => await rename(world, client, meter, onAnswer)));
  await killed;
}

/** Until an answer does not come. */
async function rename(
  world: World,
  client: Stripe,
  meter: string,
  onAnswer: () => void,
): Promise<void> {
  for (;;) {
    const name = `name ${world.changes.length}`;
    const change: Change = { meter, name, isAcknowledged: false };
    world.changes.push(change);
    try {
      await client.billing.meters.update(meter, { display_name: name });
    } catch (error) {
      assert.ok(error instanceof NEWEST.Stripe.errors.StripeConnectionError, String(error));
      return;
    }
    change.isAcknowledged = true;
    onAnswer();
  }
}

async function check(t: TestContext, world: World, server: Server): Promise<void> {
  const client = newClient(server);
  await until('all is delivered', async () => {
    const { data } = await client.events.list({
      delivery_success: false,
      type: 'billing.meter.updated',
      limit: 1,
    });
    return data.length === 0;
  });
  const events = await allUpdates(client);
  const unknown = world.changes.filter(({ isAcknowledged }) => !isAcknowledged).length;
  t.diagnostic(
    `${world.changes.length} changes, ${unknown} of unknown outcome, ${events.size} events, ` +
      `${world.receiver.got.length} deliveries`,
  );
  checkEvents(world, events);
  checkDeliveries(world, client, events);
  for (const meter of world.meters) {
    const { display_name } = await client.billing.meters.retrieve(meter);
    const newest = [...events.values()].find(({ object }) => object.id === meter);
    assert.equal(newest?.object.display_name, display_name, 'the newest event is the fact');
  }
}

type Told = { readonly id: string; readonly object: Stripe.Billing.Meter };

/** Newest first. */
async function allUpdates(client: Stripe): Promise<ReadonlyMap<string, Told>> {
  const events = new Map<string, Told>();
  for await (const event of client.events.list({ type: 'billing.meter.updated', limit: 100 })) {
    assert.ok(event.type === 'billing.meter.updated');
    events.set(event.id, { id: event.id, object: event.data.object });
  }
  return events;
}

/** Acknowledged ⊆ events ⊆ sent, each once. */
function checkEvents({ changes }: World, events: ReadonlyMap<string, Told>): void {
  const told = [...events.values()].map(({ object }) => `${object.id} ${object.display_name}`);
  assert.equal(new Set(told).size, told.length, 'no change is told twice');
  const sent = new Set(changes.map(({ meter, name }) => `${meter} ${name}`));
  assert.deepEqual(
    told.filter((change) => !sent.has(change)),
    [],
  );
  const known = new Set(told);
  const lost = changes.filter(
    ({ meter, name, isAcknowledged }) => isAcknowledged && !known.has(`${meter} ${name}`),
  );
  assert.deepEqual(lost, []);
}

/** Each event at least once in each form, genuine, and nothing else. */
function checkDeliveries(
  { receiver, secrets }: World,
  client: Stripe,
  events: ReadonlyMap<string, Told>,
): void {
  const came = { snapshot: new Set<string>(), thin: new Set<string>() };
  for (const { path, body, headers } of receiver.got) {
    const signature = String(headers['stripe-signature']);
    if (path.endsWith('/thin')) {
      came.thin.add(client.parseEventNotification(body, signature, secrets.thin, ANY_AGE_S).id);
      continue;
    }
    const event = client.webhooks.constructEvent(body, signature, secrets.snapshot, ANY_AGE_S);
    assert.deepEqual(event.data.object, events.get(event.id)?.object);
    came.snapshot.add(event.id);
  }
  assert.deepEqual(came.snapshot, new Set(events.keys()));
  assert.deepEqual(came.thin, new Set(events.keys()));
}
