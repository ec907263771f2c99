/** What every usage store promises to alerts (see customer-usage.ts). The oracle is the pure `summarize`. */
import { DAY_MS, HOUR_MS } from '../../domain/time.ts';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Cancellation, MeterEvent } from '../../domain/meter-events/meter-event.ts';
import type { EventTimeWindow, Formula } from '../../domain/meter.ts';
import { toNamespace } from '../../domain/namespace.ts';
import { summarize } from '../../domain/aggregate.ts';
import { windowStartMs } from '../../domain/windows.ts';
import { batchOf } from './batch-fixture.ts';
import { withStore, type OpenUsageStore } from './contract-store.ts';
import type { CustomerUsage, CustomerUsageQuery } from '../customer-usage.ts';
import type { UsageStore } from '../usage-store.ts';

const NAMESPACE = toNamespace('acct_1', 'test');
const ORIGIN_MS = 20_000 * DAY_MS;
const CUSTOMERS = ["'", 'cus_a', 'cus_b', 'cus_c'];

export function customerUsageContract(name: string, open: OpenUsageStore): void {
  describe(`${name} tells alerts what was used`, () => {
    let store: UsageStore;
    withStore(open, (opened) => {
      ({ store } = opened);
    });

    test('the usage of many customers is what each one’s summary is', async () => {
      await fc.assert(
        fc.asyncProperty(histories, fc.array(question, { minLength: 8 }), async (facts, asked) => {
          const history = await insert(store, facts);
          for (const one of asked) {
            const query = { namespace: NAMESPACE, meterId: history.meterId, ...one };
            const found = await store.customers.usageOf(query);
            assert.deepEqual(found.toSorted(byName), expectedUsage(history, query));
          }
        }),
        { numRuns: 30 },
      );
    });

    test('what came between two sequences is told by customer and day', async () => {
      await fc.assert(
        fc.asyncProperty(histories, fc.nat(20), fc.nat(20), async (facts, from, length) => {
          const { meterId, events } = await insert(store, facts);
          const afterSequence = events[0]!.sequence - 1 + from;
          const upToSequence = afterSequence + length;
          const found = await store.customers.arrived({
            meterIds: [`mtr_${randomUUID()}`, meterId],
            afterSequence,
            upToSequence,
          });
          const came = events.filter(
            ({ sequence }) => sequence > afterSequence && sequence <= upToSequence,
          );
          assert.deepEqual(new Map(found.map((one) => [dayOf(one), one])), arrivedOf(came));
          assert.equal(found.length, arrivedOf(came).size);
        }),
        { numRuns: 20 },
      );
    });

    test('who ever had an event cancelled is told, with the day', async () => {
      await fc.assert(
        fc.asyncProperty(histories, async (facts) => {
          const { meterId, cancellations } = await insert(store, facts);
          const found = await store.customers.cancelled([meterId]);
          assert.equal(found.length, new Set(found.map(dayOf)).size);
          assert.deepEqual(new Set(found.map(dayOf)), new Set(cancellations.map(dayOfEvent)));
        }),
        { numRuns: 10 },
      );
    });

    test('without meters or customers nothing is found', async () => {
      assert.deepEqual(await store.customers.cancelled([]), []);
      const none = { meterIds: [], afterSequence: 0, upToSequence: Number.MAX_SAFE_INTEGER };
      assert.deepEqual(await store.customers.arrived(none), []);
    });
  });
}

const histories = fc.array(
  fc.record({
    customer: fc.constantFrom(...CUSTOMERS),
    hour: fc.constantFrom(-24, -1, 0, 0, 1, 23, 24),
    value: fc.bigInt({ min: -(10n ** 27n) + 1n, max: 10n ** 27n - 1n }),
    cancelled: fc.nat(5).map((n) => n === 0),
  }),
  { minLength: 1, maxLength: 20, size: 'max' },
);
type Facts = typeof histories extends fc.Arbitrary<infer T> ? T : never;

const question = fc.record({
  formula: fc.constantFrom<Formula>('sum', 'count', 'last'),
  eventTimeWindow: fc.constantFrom<EventTimeWindow | null>(null, 'hour', 'day'),
  customers: fc.subarray(CUSTOMERS),
  startMs: fc.constantFrom(0, ORIGIN_MS - DAY_MS, ORIGIN_MS),
  endMs: fc.constantFrom<number | 'open'>('open', ORIGIN_MS, ORIGIN_MS + DAY_MS, 1e15),
});

type History = {
  readonly meterId: string;
  readonly events: readonly MeterEvent[];
  readonly cancellations: readonly Cancellation[];
};

let lastSequence = 0;

async function insert(store: UsageStore, facts: Facts): Promise<History> {
  const meterId = `mtr_${randomUUID()}`;
  const events = facts.map(({ customer, hour, value }): MeterEvent => {
    lastSequence += 1;
    return {
      namespace: NAMESPACE,
      meterId,
      customer,
      timestampMs: ORIGIN_MS + hour * HOUR_MS + 1,
      sequence: lastSequence,
      receivedAtMs: ORIGIN_MS,
      identifier: randomUUID(),
      value,
      rest: new Map(),
    };
  });
  const cancellations = events
    .filter((_, index) => facts[index]!.cancelled)
    .map(({ customer, timestampMs, sequence, identifier }) => {
      const event = { namespace: NAMESPACE, meterId, customer, timestampMs, sequence, identifier };
      return { ...event, cancelledAtMs: ORIGIN_MS, requestId: 'req_1' };
    });
  await store.insert(batchOf({ events, cancellations }));
  return { meterId, events, cancellations };
}

function expectedUsage(
  { events, cancellations }: History,
  query: CustomerUsageQuery,
): CustomerUsage[] {
  const cancelled = new Set(cancellations.map(({ sequence }) => sequence));
  const endMs = query.endMs === 'open' ? Infinity : query.endMs;
  return [...query.customers].sort().flatMap((customer) => {
    const counted = events.filter(
      (event) => event.customer === customer && !cancelled.has(event.sequence),
    );
    const [summary] = summarize({ ...query, endMs, groupingWindow: null }, counted);
    if (summary === undefined) return [];
    const inRange = counted.filter(
      ({ timestampMs }) => timestampMs >= query.startMs && timestampMs < endMs,
    );
    return [{ customer, value: summary.value, lastSequence: inRange.at(-1)!.sequence }];
  });
}

function arrivedOf(events: readonly MeterEvent[]) {
  return new Map(
    [...Map.groupBy(events, dayOfEvent)].map(([day, ofDay]) => {
      const { namespace, meterId, customer, timestampMs } = ofDay[0]!;
      const added = ofDay.reduce((total, { value }) => (value > 0n ? total + value : total), 0n);
      const dayMs = windowStartMs('day', timestampMs);
      return [day, { namespace, meterId, customer, dayMs, count: ofDay.length, added }];
    }),
  );
}

function dayOfEvent(event: Pick<MeterEvent, 'customer' | 'timestampMs'>): string {
  return dayOf({ customer: event.customer, dayMs: windowStartMs('day', event.timestampMs) });
}

function dayOf({ customer, dayMs }: { readonly customer: string; readonly dayMs: number }): string {
  return `${dayMs} ${customer}`;
}

function byName(a: CustomerUsage, b: CustomerUsage): number {
  return a.customer < b.customer ? -1 : 1;
}
