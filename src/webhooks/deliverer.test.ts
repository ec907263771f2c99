/** With a real catalog, a real sender and a real receiver; only the clock is set by hand. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import Stripe from 'stripe';
import type { Catalog } from '../catalog/catalog.ts';
import { aDestination, anEvent } from '../catalog/contract/core-event-fixtures.ts';
import { ManualClock, NAMESPACE } from '../catalog/contract/fixtures.ts';
import { openSqliteCatalog } from '../catalog/sqlite/sqlite-catalog.ts';
import type { Delivery } from '../domain/core-events/delivery.ts';
import {
  DISABLE_AFTER_MS,
  rotateSecret,
  type Destination,
} from '../domain/core-events/destination.ts';
import { Deliverer } from './deliverer.ts';
import { Sender } from './sender.ts';
import { pause, until } from '../../test/support/wait.ts';
import { OK, Receiver, type Answer } from '../../test/support/webhook-receiver.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

type Told = { readonly type: string; readonly related_object: { readonly id: string } };

class World {
  readonly clock = new ManualClock();
  readonly receiver: Receiver;
  readonly file: string;
  catalog: Catalog;
  deliverer: Deliverer;
  /** Outcomes that the catalog was asked to keep. */
  outcomes = 0;
  #events = 0;

  private constructor(file: string, receiver: Receiver, answerTimeoutMs?: number) {
    this.file = file;
    this.receiver = receiver;
    [this.catalog, this.deliverer] = this.#open(answerTimeoutMs);
  }

  static async start(t: TestContext, answerTimeoutMs?: number): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'taximeter-delivery-'));
    const world = new World(join(folder, 'catalog.db'), await Receiver.start(), answerTimeoutMs);
    t.after(async () => {
      await world.deliverer.close();
      await world.receiver.close();
      world.catalog.close();
      rmSync(folder, { recursive: true });
    });
    return world;
  }

  #open(answerTimeoutMs = HOUR_MS): [Catalog, Deliverer] {
    const { clock } = this;
    const catalog = openSqliteCatalog(this.file, { clock });
    const settle = catalog.deliveries.settle.bind(catalog.deliveries);
    catalog.deliveries.settle = (outcomes) => {
      this.outcomes += outcomes.length;
      settle(outcomes);
    };
    const sender = new Sender({ allowPrivate: true, answerTimeoutMs });
    const deliverer = new Deliverer({ ...catalog, sender, clock, random: () => 0 });
    deliverer.start();
    return [catalog, deliverer];
  }

  async restart(): Promise<void> {
    await this.deliverer.close();
    this.catalog.close();
    [this.catalog, this.deliverer] = this.#open();
  }

  async addDestination(id: string, fields: Partial<Destination> = {}): Promise<void> {
    await this.catalog.destinations.create(aDestination(id, { url: this.receiver.url, ...fields }));
  }

  async record(count = 1): Promise<readonly string[]> {
    const ids = Array.from({ length: count }, () => `evt_${++this.#events}`);
    const createdMs = this.clock.nowMs();
    await this.catalog.coreEvents.record(ids.map((id) => anEvent(id, { createdMs })));
    return ids;
  }

  /** Moves the clock, and lets what is due by then be tried. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    this.deliverer.lookSoon();
    await pause(20);
  }

  async deliveries(id: string): Promise<readonly Delivery[]> {
    return (await this.catalog.deliveries.list(NAMESPACE, id, { limit: 100 })).data;
  }

  /** What the deliverer makes of an answer depends on the clock: the clock may go on after that. */
  async untilOutcomes(count: number): Promise<void> {
    await until(`${count} outcomes`, () => this.outcomes === count);
  }

  async untilTried(id: string, times: number): Promise<Delivery> {
    const first = async (): Promise<Delivery | undefined> => (await this.deliveries(id)).at(-1);
    await until(`${times} tries`, async () => (await first())?.attempts.length === times);
    return (await first()) ?? assert.fail();
  }
}

const answering =
  (status: number): Answer =>
  (_got, response) =>
    void response.writeHead(status).end('no');

test('events come signed and in order, as the SDK reads them, and are settled', async (t) => {
  const world = await World.start(t);
  await world.addDestination('we_1', { secret: 'whsec_1' });
  await world.addDestination('ed_1', { payload: 'thin', secret: 'whsec_2' });
  const ids = await world.record(20);
  await until('40 deliveries', () => world.receiver.got.length === 40);
  const stripe = new Stripe('sk_test_x');
  const nowMs = world.clock.nowMs();
  const snapshots: string[] = [];
  const thin: string[] = [];
  for (const { body, headers } of world.receiver.got) {
    const signature = String(headers['stripe-signature']);
    if (body.includes('"v2.core.event"')) {
      thin.push(
        stripe.parseEventNotification(body, signature, 'whsec_2', undefined, undefined, nowMs).id,
      );
    } else {
      snapshots.push(
        stripe.webhooks.constructEvent(body, signature, 'whsec_1', undefined, undefined, nowMs).id,
      );
    }
  }
  assert.deepEqual([snapshots, thin], [ids, ids]);
  await until('all settled', () => world.catalog.deliveries.lanes().length === 0);
  const [last] = await world.deliveries('we_1');
  const [attempt] = last?.attempts ?? [];
  assert.deepEqual(
    { ...last, attempts: [{ ...attempt, durationMs: 0 }] },
    {
      eventId: ids.at(-1),
      eventType: 'billing.meter.created',
      eventCreatedMs: nowMs,
      state: 'succeeded',
      dueMs: null,
      attempts: [{ startedMs: nowMs, durationMs: 0, status: 200, answer: 'thanks', error: null }],
    },
  );
});

test('what fails is tried twelve times over 72 hours, at the times of the schedule, then given up', async (t) => {
  const world = await World.start(t);
  const answers: Record<string, Answer> = {
    'closes the connection': (_got, response) => void response.destroy(),
    redirects: (_got, response) =>
      void response.writeHead(302, { location: world.receiver.url }).end(),
    'answers 500': answering(500),
    'answers 404': answering(404),
  };
  const kinds = Object.values(answers);
  world.receiver.answer = (got, response) =>
    kinds[(world.receiver.got.length - 1) % kinds.length]?.(got, response);
  await world.addDestination('we_1');
  const beganMs = world.clock.nowMs();
  await world.record();
  await world.untilTried('we_1', 1);
  const waits = [1, 5, 30, 120, 360, 720, 720, 720, 720, 720, 204].map((min) => min * MINUTE_MS);
  for (const [index, waitMs] of waits.entries()) {
    await world.advance(waitMs - 1);
    assert.equal(world.receiver.got.length, index + 1, `none before try ${index + 2} is due`);
    await world.advance(1);
    await world.untilTried('we_1', index + 2);
  }
  const { state, dueMs, attempts } = await world.untilTried('we_1', 12);
  assert.deepEqual([state, dueMs], ['failed', null]);
  assert.equal((attempts.at(-1)?.startedMs ?? 0) - beganMs, 72 * HOUR_MS);
  assert.deepEqual(
    attempts.slice(0, 4).map(({ status }) => status),
    [null, 302, 500, 404],
  );
  await world.advance(1000 * HOUR_MS);
  assert.equal(world.receiver.got.length, 12);
  assert.deepEqual(world.receiver.ids, Array<string>(12).fill('evt_1'), 'the same event each time');
});

test('who hangs is given up on, and is tried again', async (t) => {
  const world = await World.start(t, 1000);
  world.receiver.answer = () => undefined;
  await world.addDestination('we_1');
  await world.record();
  const { attempts } = await world.untilTried('we_1', 1);
  assert.match(attempts[0]?.error ?? '', /No answer within 1000 ms/u);
  world.receiver.answer = OK;
  await world.restart();
  await world.advance(MINUTE_MS);
  assert.equal((await world.untilTried('we_1', 2)).state, 'succeeded');
});

test('a failing event holds up no other, and comes again when it is due', async (t) => {
  const world = await World.start(t);
  world.receiver.answer = (got, response) =>
    void response.writeHead(got.body.includes('"evt_1"') ? 500 : 200).end();
  await world.addDestination('we_1');
  const [first, ...others] = await world.record(5);
  await until('all but one', () => world.receiver.got.length === 5);
  assert.deepEqual(world.receiver.ids, [first, ...others]);
  world.receiver.answer = OK;
  await world.advance(MINUTE_MS);
  await until('the first again', () => world.receiver.got.length === 6);
  assert.equal(world.receiver.ids.at(-1), first);
});

test('a slow destination holds up no other', async (t) => {
  const world = await World.start(t);
  let letGo: () => void = () => undefined;
  world.receiver.answer = (got, response) => {
    if (got.path === '/slow') letGo = () => void response.end();
    else response.end();
  };
  const slow = world.receiver.url.replace('/hook', '/slow');
  await world.addDestination('we_slow', { url: slow });
  await world.addDestination('we_1');
  await world.record(30);
  await until('all of the fast one', () => {
    const paths = world.receiver.got.map(({ path }) => path);
    return paths.filter((path) => path === '/hook').length === 30;
  });
  assert.equal(
    world.receiver.got.filter(({ path }) => path === '/slow').length,
    1,
    'one at a time',
  );
  world.receiver.answer = OK;
  letGo();
  await until('the slow one too', () => world.receiver.got.length === 60);
});

test('a destination that is down is asked seldom, and gets all in order when it is back', async (t) => {
  const world = await World.start(t);
  world.receiver.answer = answering(503);
  await world.addDestination('we_1');
  const ids = await world.record(50);
  await world.untilOutcomes(3);
  await world.advance(900);
  assert.equal(world.receiver.got.length, 3, 'then it pauses');
  await world.advance(100);
  await until('the fourth', () => world.receiver.got.length === 4);
  world.receiver.answer = OK;
  world.receiver.got.length = 0;
  await world.advance(2 * MINUTE_MS);
  await until('all', () => new Set(world.receiver.ids).size === 50);
  const fresh = world.receiver.ids.filter((id) => !ids.slice(0, 4).includes(id));
  assert.deepEqual(fresh, ids.slice(4));
});

test('after three days without a success it is disabled, which is an event for the others', async (t) => {
  const world = await World.start(t);
  const find = async () => await world.catalog.destinations.find(NAMESPACE, 'we_1');
  world.receiver.answer = (got, response) =>
    void response.writeHead(got.path === '/bad' ? 500 : 200).end();
  const url = world.receiver.url.replace('/hook', '/bad');
  await world.addDestination('we_1', { url });
  await world.addDestination('ed_1', { payload: 'thin' });
  await world.record();
  await world.untilTried('we_1', 1);
  const beganMs = world.clock.nowMs();
  assert.equal((await find())?.failingSinceMs, beganMs);
  await world.advance(DISABLE_AFTER_MS - 1);
  await world.untilTried('we_1', 2);
  assert.equal((await find())?.status, 'enabled');
  await world.advance(5 * MINUTE_MS);
  await until('disabled', async () => (await find())?.status === 'disabled');
  assert.equal((await find())?.disabledReason, 'failures');
  await until('the event', () => world.receiver.got.length === 5);
  const told = JSON.parse(world.receiver.got.at(-1)?.body ?? '') as Told;
  assert.equal(told.type, 'v2.core.event_destination.disabled');
  assert.equal(told.related_object.id, 'we_1');

  await world.record();
  await world.advance(HOUR_MS);
  const { state, attempts } = await world.untilTried('we_1', 3);
  assert.deepEqual([state, attempts.length], ['failed', 3], 'what was to be tried is given up');
  assert.equal((await world.deliveries('we_1')).length, 1, 'and it gets nothing new');
});

test('one success, and it has not been failing', async (t) => {
  const world = await World.start(t);
  const find = async () => await world.catalog.destinations.find(NAMESPACE, 'we_1');
  world.receiver.answer = answering(500);
  await world.addDestination('we_1');
  await world.record();
  await world.untilTried('we_1', 1);
  world.receiver.answer = OK;
  await world.advance(MINUTE_MS);
  await world.untilTried('we_1', 2);
  assert.equal((await find())?.failingSinceMs, null);
});

test('after a rotation deliveries are valid under both secrets, later under the new one', async (t) => {
  const world = await World.start(t);
  await world.addDestination('we_1', { secret: 'whsec_old' });
  const nowMs = world.clock.nowMs();
  await world.catalog.destinations.change(NAMESPACE, 'we_1', (destination) =>
    rotateSecret(destination, 'whsec_new', nowMs + HOUR_MS, nowMs),
  );
  const validUnder = async (secret: string): Promise<boolean> => {
    const before = world.receiver.got.length;
    await world.record();
    await until('it came', () => world.receiver.got.length > before);
    const { body, headers } = world.receiver.got.at(-1) ?? assert.fail();
    const signature = String(headers['stripe-signature']);
    try {
      const { webhooks } = new Stripe('sk_test_x');
      webhooks.constructEvent(body, signature, secret, undefined, undefined, world.clock.nowMs());
      return true;
    } catch (error) {
      assert.ok(error instanceof Stripe.errors.StripeSignatureVerificationError);
      return false;
    }
  };
  assert.ok(await validUnder('whsec_old'));
  assert.ok(await validUnder('whsec_new'));
  assert.ok(!(await validUnder('whsec_other')));
  await world.advance(HOUR_MS);
  assert.ok(!(await validUnder('whsec_old')));
  assert.ok(await validUnder('whsec_new'));
});

test('what was pending at a stop, or under way, is delivered after the next start', async (t) => {
  const world = await World.start(t);
  world.receiver.answer = answering(500);
  await world.addDestination('we_1');
  await world.record();
  await world.untilTried('we_1', 1);
  await world.restart();
  world.receiver.answer = () => undefined;
  await world.advance(MINUTE_MS);
  await until('it came', () => world.receiver.got.length === 2);
  world.receiver.answer = OK;
  await world.restart();
  const { state, attempts } = await world.untilTried('we_1', 2);
  assert.equal(state, 'succeeded');
  assert.deepEqual(
    attempts.map(({ status }) => status),
    [500, 200],
    'what the stop cut off is no try',
  );
});

test('what was sent again by hand goes at once, also to one that is pausing', async (t) => {
  const world = await World.start(t);
  world.receiver.answer = answering(503);
  await world.addDestination('we_1');
  const [first = ''] = await world.record(4);
  await world.untilOutcomes(3);
  world.receiver.answer = OK;
  world.receiver.got.length = 0;
  await world.catalog.deliveries.resend(NAMESPACE, first, 'we_1', world.clock.nowMs());
  await until('two more', () => world.receiver.got.length === 2);
  assert.deepEqual([...world.receiver.ids].toSorted(), ['evt_1', 'evt_4']);
});

test('an outcome that cannot be kept is logged, and the delivery is made again', async (t) => {
  const world = await World.start(t);
  await world.addDestination('we_1');
  const beside = new Database(world.file);
  t.after(() => beside.close());
  beside.exec(`CREATE TRIGGER full BEFORE UPDATE ON deliveries
    BEGIN SELECT RAISE(ABORT, 'full on purpose'); END`);
  const [id] = await world.record();
  await world.untilOutcomes(1);
  await world.advance(MINUTE_MS - 1000);
  assert.equal(world.receiver.got.length, 1, 'not again and again');
  assert.equal((await world.deliveries('we_1'))[0]?.state, 'pending');
  beside.exec('DROP TRIGGER full');
  await world.advance(1000);
  await world.untilTried('we_1', 1);
  assert.deepEqual(world.receiver.ids, [id, id]);
});
