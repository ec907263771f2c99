/** Whatever happens, the alerts that fired are those of a model: real stores, real catalog, restarts in between. */
import { DAY_MS } from '../domain/time.ts';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import {
  activate,
  archive,
  deactivate,
  periodOf,
  RECURRENCES,
  type Alert,
} from '../domain/alert.ts';
import { openSqliteCatalog } from '../catalog/sqlite/sqlite-catalog.ts';
import type { MeterEvent } from '../domain/meter-events/meter-event.ts';
import type { Meter } from '../domain/meter.ts';
import { toNamespace, type Namespace } from '../domain/namespace.ts';
import { UNITS_PER_ONE, type Quantity } from '../domain/quantity.ts';
import { summarize } from '../domain/aggregate.ts';
import { windowStartMs } from '../domain/windows.ts';
import { batchOf } from '../usage/contract/batch-fixture.ts';
import { openChdbUsageStore } from '../usage/chdb/chdb-usage-store.ts';
import type { UsageStore } from '../usage/usage-store.ts';
import { AlertWatch } from './alert-evaluator.ts';

const ORIGIN_MS = 20_089 * DAY_MS; // A first of the month, so that days around it are of two months.
// Few, so that much happens to each.
const CUSTOMERS = ['cus_a', 'cus_b'];
const DAYS = [0, -1, 0, 0];

let folder: string;
let store: UsageStore;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taximeter-alerts-'));
  store = openChdbUsageStore(join(folder, 'usage'));
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** One account on the shared store, with a catalog of its own, and what the model says must have fired. */
class World {
  readonly namespace: Namespace = toNamespace(`acct_${randomUUID()}`, 'test');
  readonly meter: Meter;
  readonly events: MeterEvent[] = [];
  readonly cancelled = new Set<number>();
  readonly alerts: Alert[] = [];
  /** What the model says; what the watch says is held against it with every look. */
  readonly fired = new Map<string, Quantity>();
  readonly #file = join(folder, `${randomUUID()}.db`);
  readonly #failures: unknown[] = [];
  #nowMs = ORIGIN_MS;
  #catalog = openSqliteCatalog(this.#file);
  #watch = this.#newWatch();

  constructor(kind: Pick<Meter, 'formula' | 'eventTimeWindow'>) {
    this.meter = aMeter(this.namespace, kind);
  }

  async start(): Promise<void> {
    await this.#catalog.meters.create(this.meter);
  }

  /** `written`: what was looked at is written down, as it is every few seconds. */
  async look(written: boolean): Promise<void> {
    if (written) this.#nowMs += 60_000;
    this.#watch.lookIfDue(this.#nowMs);
    await this.#watch.idle();
    assert.deepEqual(this.#failures, []);
    this.#fireInModel();
    assert.deepEqual(this.#firedOnDisk(), this.fired);
  }

  /** Whatever was not looked at has to be found by the next one. */
  async restart(): Promise<void> {
    await this.close();
    this.#catalog = openSqliteCatalog(this.#file);
    this.#watch = this.#newWatch();
  }

  async close(): Promise<void> {
    await this.#watch.close();
    this.#catalog.close();
  }

  async send({ customer, day, value }: Sent): Promise<void> {
    const { id: meterId, formula } = this.meter;
    sequence += 1;
    const event = {
      namespace: this.namespace,
      meterId,
      customer,
      timestampMs: ORIGIN_MS + day * DAY_MS + 5,
      sequence,
      receivedAtMs: ORIGIN_MS,
      identifier: randomUUID(),
      value: formula === 'count' ? UNITS_PER_ONE : value,
      rest: new Map(),
    };
    this.events.push(event);
    await store.insert(batchOf({ events: [event] }));
  }

  async cancel(nth: number): Promise<void> {
    const event = this.events.at(-1 - (nth % this.events.length));
    if (event === undefined || this.cancelled.has(event.sequence)) return;
    this.cancelled.add(event.sequence);
    const { namespace, meterId, customer, timestampMs, identifier } = event;
    const of = { namespace, meterId, customer, timestampMs, identifier, sequence: event.sequence };
    await store.insert(
      batchOf({ cancellations: [{ ...of, cancelledAtMs: 1, requestId: 'req_1' }] }),
    );
    this.#watch.cancelled({ ...of, dayMs: windowStartMs('day', timestampMs) });
  }

  async makeAlert(drawn: Pick<Alert, 'customer' | 'gte' | 'recurrence'>): Promise<void> {
    const alert: Alert = {
      id: `alrt_${randomUUID()}`,
      namespace: this.namespace,
      title: 'An alert',
      meterId: this.meter.id,
      status: 'active',
      createdS: 0,
      sinceSequence: sequence,
      ...drawn,
    };
    await this.#catalog.alerts.create(alert);
    this.alerts.push(alert);
  }

  async changeAlert(nth: number, change: (alert: Alert) => Alert): Promise<void> {
    const index = nth % this.alerts.length;
    const alert = this.alerts[index];
    if (alert === undefined) return;
    this.alerts[index] = change(alert);
    await this.#catalog.alerts.change(this.namespace, alert.id, change);
  }

  #newWatch(): AlertWatch {
    return new AlertWatch({
      alerts: this.#catalog.alerts,
      meters: this.#catalog.meters,
      usage: store.customers,
      progress: {
        get flushedSequence() {
          return sequence;
        },
        settled: async () => sequence,
      },
      clock: { nowMs: () => this.#nowMs },
      announce: () => [],
      onFailure: (error) => this.#failures.push(error),
    });
  }

  #fireInModel(): void {
    for (const alert of this.alerts.filter(({ status }) => status === 'active')) {
      for (const customer of CUSTOMERS.filter((one) => (alert.customer ?? one) === one)) {
        for (const day of DAYS) this.#fireInPeriod(alert, customer, day);
      }
    }
  }

  #fireInPeriod(alert: Alert, customer: string, day: number): void {
    const period = periodOf(alert.recurrence, ORIGIN_MS + day * DAY_MS);
    const endMs = period.endMs === 'open' ? Infinity : period.endMs;
    const counted = this.events.filter(
      (event) =>
        event.customer === customer &&
        event.timestampMs >= period.startMs &&
        event.timestampMs < endMs &&
        !this.cancelled.has(event.sequence),
    );
    const last = counted.at(-1)?.sequence ?? 0;
    const [usage] = summarize({ ...this.meter, ...period, endMs, groupingWindow: null }, counted);
    if (usage === undefined || usage.value < alert.gte || last <= alert.sinceSequence) return;
    const name = `${alert.id} ${customer} ${period.startMs}`;
    if (!this.fired.has(name)) this.fired.set(name, usage.value);
  }

  #firedOnDisk(): Map<string, Quantity> {
    const db = new Database(this.#file, { readonly: true });
    type Row = { alert: string; customer: string; period: number; value: string };
    const rows = db
      .prepare<[], Row>(
        'SELECT alert, customer, period_start_ms AS period, value FROM alert_triggers',
      )
      .all();
    db.close();
    const inModelsOrder = new Map([...this.fired.keys()].map((name) => [name, -1n]));
    for (const { alert, customer, period, value } of rows) {
      inModelsOrder.set(`${alert} ${customer} ${period}`, BigInt(value));
    }
    return inModelsOrder;
  }
}

/** Over all worlds, since they share the store. */
let sequence = 0;

function aMeter(namespace: Namespace, kind: Pick<Meter, 'formula' | 'eventTimeWindow'>): Meter {
  return {
    id: `mtr_${randomUUID()}`,
    namespace,
    displayName: 'A meter',
    eventName: randomUUID(),
    customerKey: 'stripe_customer_id',
    valueKey: 'value',
    status: 'active',
    createdS: 0,
    updatedS: 0,
    deactivatedAtS: null,
    ...kind,
  };
}

type Sent = {
  readonly customer: string;
  readonly day: number;
  readonly value: Quantity;
};

const customer = fc.constantFrom(...CUSTOMERS);
const units = (min: number, max: number): fc.Arbitrary<Quantity> =>
  fc.integer({ min, max }).map((n) => BigInt(n) * UNITS_PER_ONE);

type Step = (world: World) => Promise<void>;

const sent: fc.Arbitrary<Step> = fc
  .record({ customer, day: fc.constantFrom(...DAYS), value: units(-4, 4) })
  .map((event) => async (world) => await world.send(event));
const cancelled: fc.Arbitrary<Step> = fc
  .nat(5)
  .map((nth) => async (world) => await world.cancel(nth));
const made: fc.Arbitrary<Step> = fc
  .record({
    customer: fc.option(customer),
    gte: units(1, 6),
    recurrence: fc.constantFrom(...RECURRENCES),
  })
  .map((drawn) => async (world) => await world.makeAlert(drawn));
const changed: fc.Arbitrary<Step> = fc
  .tuple(fc.nat(9), fc.constantFrom('activate', 'deactivate', 'archive'))
  .map(([nth, name]) => async (world) => {
    const changes = { activate: (alert: Alert) => activate(alert, sequence), deactivate, archive };
    await world.changeAlert(nth, (alert) =>
      alert.status === 'archived' ? alert : changes[name](alert),
    );
  });
const looked: fc.Arbitrary<Step> = fc
  .boolean()
  .map((written) => async (world) => await world.look(written));
const restarted = fc.constant<Step>(async (world) => await world.restart());

const steps = fc
  .tuple(
    fc.array(made, { maxLength: 2 }),
    fc.array(
      fc.oneof(
        { weight: 8, arbitrary: sent },
        { weight: 3, arbitrary: cancelled },
        { weight: 1, arbitrary: made },
        { weight: 1, arbitrary: changed },
        { weight: 8, arbitrary: looked },
        { weight: 1, arbitrary: restarted },
      ),
      { minLength: 20, maxLength: 60, size: 'max' },
    ),
  )
  .map((parts) => parts.flat());

for (const kind of [
  { formula: 'sum', eventTimeWindow: null },
  { formula: 'count', eventTimeWindow: null },
  { formula: 'last', eventTimeWindow: null },
  { formula: 'sum', eventTimeWindow: 'day' },
] as const) {
  const name = `${kind.formula} of ${kind.eventTimeWindow === null ? 'all' : 'the last of each day'}`;
  test(`the alerts that fired are those of the model, each once, with the exact value: ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (drawn) => {
        const world = new World(kind);
        await world.start();
        for (const one of drawn) await one(world);
        await world.look(false);
        await world.close();
      }),
      { numRuns: kind.formula === 'sum' ? 10 : 4 },
    );
  });
}

const SUM = { formula: 'sum', eventTimeWindow: null } as const;
const one = (n: number): Quantity => BigInt(n) * UNITS_PER_ONE;
const FOR_ALL = { customer: null, recurrence: 'one_time' } as const;

test('a cancellation may cross a threshold, also one that a stop left unlooked at', async () => {
  for (const stops of [false, true]) {
    const world = new World(SUM);
    await world.start();
    await world.makeAlert({ ...FOR_ALL, gte: one(5) });
    await world.send({ customer: 'cus_a', day: 0, value: one(6) });
    await world.send({ customer: 'cus_a', day: 0, value: one(-3) });
    await world.look(true);
    assert.equal(world.fired.size, 0);
    await world.cancel(0);
    if (stops) await world.restart();
    await world.look(false);
    assert.equal(world.fired.size, 1);
    await world.close();
  }
});

test('what is left when all is cancelled is nothing, not less', async () => {
  const world = new World(SUM);
  await world.start();
  await world.makeAlert({ ...FOR_ALL, gte: one(5) });
  await world.send({ customer: 'cus_a', day: 0, value: one(-5) });
  await world.look(true);
  await world.cancel(0);
  await world.look(true);
  await world.send({ customer: 'cus_a', day: 0, value: one(6) });
  await world.look(true);
  assert.equal(world.fired.size, 1);
  await world.close();
});

test('an alert that is made later may have a lower threshold', async () => {
  const world = new World(SUM);
  await world.start();
  await world.makeAlert({ ...FOR_ALL, gte: one(50) });
  await world.send({ customer: 'cus_a', day: 0, value: one(6) });
  await world.look(true);
  await world.makeAlert({ ...FOR_ALL, gte: one(5) });
  await world.look(true);
  assert.equal(world.fired.size, 0);
  await world.send({ customer: 'cus_a', day: 0, value: one(1) });
  await world.look(true);
  assert.equal(world.fired.size, 1);
  await world.close();
});
