/**
 * What every usage store promises (see usage-store.ts), as a suite to run against it. The oracle is the pure
 * `summarize` of the summaries folder (P6).
 */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../domain/time.ts';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Cancellation, MeterEvent } from '../../domain/meter-events/meter-event.ts';
import type { EventTimeWindow, Formula } from '../../domain/meter.ts';
import { toNamespace, type Namespace } from '../../domain/namespace.ts';
import { parseQuantity, toDecimal, type Quantity } from '../../domain/quantity.ts';
import { summarize } from '../../domain/aggregate.ts';
import { type GroupingWindow } from '../../domain/windows.ts';
import { withStore, type OpenedUsageStore, type OpenUsageStore } from './contract-store.ts';
import { EventColumns } from '../event-columns.ts';
import { cancellationRow } from '../rows.ts';
import type { IdentifierRange, SummaryQuery, UsageBatch, UsageStore } from '../usage-store.ts';

const NAMESPACE = toNamespace('acct_1', 'test');
const OTHER_NAMESPACE = toNamespace('acct_1', 'live');
/** A day boundary, so that drawn times lie on both sides of one. */
const ORIGIN_MS = 20_000 * DAY_MS;

export function usageStoreContract(name: string, open: OpenUsageStore): void {
  describe(`${name} keeps the usage store's promises`, () => {
    let opened: OpenedUsageStore;
    let store: UsageStore;
    withStore(open, (it) => {
      opened = it;
      ({ store } = it);
    });

    test('a summary equals the pure one: every formula, window, edge, cancellation, tie and late arrival', async () => {
      await fc.assert(
        fc.asyncProperty(
          history,
          fc.array(question, { minLength: 6, maxLength: 6 }),
          async (facts, questions) => {
            const meterId = `mtr_${randomUUID()}`;
            const events = toEvents(facts, meterId);
            for (const batch of toBatches(facts, events)) await store.insert(batch);
            for (const asked of questions) {
              const query = toQuery(meterId, asked);
              assert.deepEqual(await store.summarize(query), expected(facts, events, query));
            }
          },
        ),
        { numRuns: 50 },
      );
    });

    test('a page holds the windows nearest to its end, in the order that was asked for', async () => {
      const meterId = `mtr_${randomUUID()}`;
      const events = [0, 1, 2, 3, 4].map((hour) =>
        anEvent({ meterId, timestampMs: ORIGIN_MS + hour * HOUR_MS }),
      );
      await store.insert(batchOf(events));
      const hours = async (order: SummaryQuery['order'], limit: number) => {
        const asked = { ...wholeDay(meterId), groupingWindow: 'hour', order, limit } as const;
        const rows = await store.summarize(asked);
        return rows.map(({ startMs }) => (startMs - ORIGIN_MS) / HOUR_MS);
      };
      assert.deepEqual(await hours('newest_first', 2), [4, 3]);
      assert.deepEqual(await hours('oldest_first', 2), [0, 1]);
      assert.deepEqual(await hours('newest_first', 9), [4, 3, 2, 1, 0]);
    });

    test('a range that no event can be in is empty, whatever it is asked for', async () => {
      const meterId = `mtr_${randomUUID()}`;
      await store.insert(batchOf([anEvent({ meterId, timestampMs: ORIGIN_MS })]));
      const lastHourMs = 4_294_964_400_000;
      for (const startMs of [lastHourMs, 2 ** 32 * 1000, 253_402_300_740_000]) {
        for (const eventTimeWindow of [null, 'hour', 'day'] as const) {
          for (const groupingWindow of [null, 'hour', 'day'] as const) {
            const endMs = startMs + DAY_MS;
            const range = { startMs, endMs, eventTimeWindow, groupingWindow };
            assert.deepEqual(await store.summarize({ ...wholeDay(meterId), ...range }), []);
            const [row, ...more] = await store.summarize({
              ...wholeDay(meterId),
              ...range,
              startMs: lastHourMs - HOUR_MS,
            });
            assert.deepEqual([row, more], [undefined, []], 'it ends there');
          }
        }
      }
    });

    test('a batch under the same token is stored once, rollup and cancellations included', async () => {
      const meterId = `mtr_${randomUUID()}`;
      // Two months, so that the insert is cut into two parts.
      const events = [ORIGIN_MS, ORIGIN_MS + 40 * DAY_MS].map((timestampMs) =>
        anEvent({ meterId, timestampMs }),
      );
      const batch = batchOf(events, [cancellationOf(events[0]!)]);
      for (let time = 0; time < 3; time += 1) await store.insert(batch);
      const query = {
        ...wholeDay(meterId),
        endMs: ORIGIN_MS + 60 * DAY_MS,
        formula: 'count',
      } as const;
      assert.deepEqual(valuesOf(await store.summarize(query)), [one]);
      assert.equal((await store.auditor.hours({})).differences, 0);
    });

    test('the same rows under another token are other rows', async () => {
      const meterId = `mtr_${randomUUID()}`;
      const event = anEvent({ meterId });
      await store.insert(batchOf([event]));
      await store.insert(batchOf([event]));
      assert.deepEqual(
        valuesOf(await store.summarize({ ...wholeDay(meterId), formula: 'count' })),
        [one + one],
      );
    });

    test('sums stay exact past what 38 digits hold', async () => {
      const meterId = `mtr_${randomUUID()}`;
      const greatest = quantity('999999999999999.999999999999');
      const events = Array.from({ length: 1000 }, () => anEvent({ meterId, value: greatest }));
      await store.insert(batchOf(events));
      assert.deepEqual(valuesOf(await store.summarize(wholeDay(meterId))), [greatest * 1000n]);
    });

    test('an event is found by its identifier, whole, with its cancellation', async () => {
      const meterId = `mtr_${randomUUID()}`;
      const rest = new Map([
        ['zone "\'\\\t\n🚕', 'ü"\'\\\t\n🚕'],
        ['__proto__', 'x'],
        ['value', '1.50'],
      ]);
      const event = anEvent({
        meterId,
        rest,
        customer: 'cus_"\'\\\t\n🚕',
        value: quantity('-1.5'),
      });
      const cancellation = cancellationOf(event);
      await store.insert(batchOf([event]));
      assert.deepEqual(await store.findEvent(NAMESPACE, [meterId], event.identifier), {
        event,
        cancellation: undefined,
      });
      await store.insert(batchOf([], [cancellation]));
      const found = await store.findEvent(NAMESPACE, ['mtr_other', meterId], event.identifier);
      const { cancelledAtMs, requestId } = cancellation;
      assert.deepEqual(found, { event, cancellation: { cancelledAtMs, requestId } });
      assert.equal(await store.findEvent(NAMESPACE, ['mtr_other'], event.identifier), undefined);
      assert.equal(await store.findEvent(NAMESPACE, [meterId], 'another'), undefined);
    });

    test('namespaces see nothing of each other', async () => {
      const meterId = `mtr_${randomUUID()}`;
      const event = anEvent({ meterId });
      await store.insert(batchOf([event]));
      const there = { ...wholeDay(meterId), namespace: OTHER_NAMESPACE };
      assert.deepEqual(await store.summarize(there), []);
      assert.equal(await store.findEvent(OTHER_NAMESPACE, [meterId], event.identifier), undefined);
    });

    test('identifiers are listed from a time of arrival and after a sequence, of all namespaces', async () => {
      const receivedAtMs = ORIGIN_MS + 1000 * DAY_MS;
      const texts = ['é🚕\0', 'x'.repeat(300), ''];
      const events = [NAMESPACE, OTHER_NAMESPACE].flatMap((namespace) =>
        [-1, 0, 1].flatMap((offset) =>
          texts.map((text) =>
            anEvent({
              namespace,
              receivedAtMs: receivedAtMs + offset,
              identifier: `${randomUUID()}${text}`,
            }),
          ),
        ),
      );
      // Two inserts, so that they lie in two places.
      await store.insert(batchOf(events.slice(0, 5)));
      await store.insert(batchOf(events.slice(5)));
      const afterSequences = [0, ...events.map(({ sequence }) => sequence)];
      for (const afterSequence of afterSequences) {
        const awaited = events
          .filter((event) => event.receivedAtMs >= receivedAtMs && event.sequence > afterSequence)
          .map((event) => [event.namespace, event.identifier, event.receivedAtMs].join(' '));
        const listed = await listIdentifiers(store, { afterSequence, sinceMs: receivedAtMs });
        assert.deepEqual(listed.sort(), awaited.sort());
      }
      const later = { afterSequence: 0, sinceMs: receivedAtMs + DAY_MS };
      assert.deepEqual(await listIdentifiers(store, later), []);
    });

    test('more identifiers than fit into one chunk are all listed, once', async () => {
      const receivedAtMs = ORIGIN_MS + 2000 * DAY_MS;
      const events = Array.from({ length: 100_000 }, () => anEvent({ receivedAtMs }));
      await store.insert(batchOf(events));
      const listed = await listIdentifiers(store, { afterSequence: 0, sinceMs: receivedAtMs });
      const awaited = events.map(({ identifier }) => `${NAMESPACE} ${identifier} ${receivedAtMs}`);
      assert.deepEqual(listed.sort(), awaited.sort());
    });

    test('the last sequence is the greatest of all, wherever it was inserted', async () => {
      const high = anEvent({ meterId: 'mtr_a', customer: 'cus_a', timestampMs: ORIGIN_MS });
      await store.insert(batchOf([high]));
      assert.equal(await store.lastSequence(), high.sequence);
      const others = [-40, 0, 40].map((days) =>
        anEvent({ customer: 'cus_z', timestampMs: ORIGIN_MS + days * DAY_MS }),
      );
      await store.insert(batchOf(others.toReversed()));
      assert.equal(await store.lastSequence(), others.at(-1)!.sequence);
    });

    test('names and identifiers are taken as they are, whatever they would mean to the store', async () => {
      const meterId = `mtr_${randomUUID()}`;
      const hostile = [
        "' OR 1=1 --",
        "\\' OR 1=1 --",
        '{customer:String}',
        '\0',
        '\\x41',
        "a'; SELECT 1; '",
        '$&',
      ];
      const events = ['A', ...hostile].map((customer) => anEvent({ meterId, customer }));
      await store.insert(batchOf(events));
      for (const customer of hostile) {
        assert.deepEqual(valuesOf(await store.summarize({ ...wholeDay(meterId), customer })), [
          one,
        ]);
        assert.equal(await store.findEvent(NAMESPACE, [meterId], customer), undefined);
      }
    });

    test('an event is found on one of thousands of meters', async () => {
      const event = anEvent({ meterId: `mtr_${randomUUID()}` });
      await store.insert(batchOf([event]));
      const others = Array.from({ length: 5000 }, () => `mtr_${randomUUID()}`);
      const found = await store.findEvent(NAMESPACE, [...others, event.meterId], event.identifier);
      assert.deepEqual(found?.event, event);
    });

    test('what was inserted is there after a reopen', async () => {
      const meterId = `mtr_${randomUUID()}`;
      const cancelled = anEvent({ meterId, value: quantity('100') });
      const kept = anEvent({ meterId, value: quantity('7.25') });
      const batch = batchOf([cancelled, kept], [cancellationOf(cancelled)]);
      await store.insert(batch);
      store = await opened.reopen();
      assert.deepEqual(valuesOf(await store.summarize(wholeDay(meterId))), [quantity('7.25')]);
      await store.account.restore({ ...batch, rows: 3 });
      assert.deepEqual(valuesOf(await store.summarize(wholeDay(meterId))), [quantity('7.25')]);
      assert.equal((await store.auditor.hours({})).differences, 0);
    });

    test('pruned, whole hours count what they did, and what needs single events is refused', async () => {
      let month = 0;
      await fc.assert(
        fc.asyncProperty(
          history,
          fc.array(question, { minLength: 8, maxLength: 8 }),
          fc.boolean(),
          async (facts, questions, reopens) => {
            // Each time a later month, around whose beginning the facts lie.
            const beforeMs = Date.UTC(1990, (month += 2), 1);
            const moved = <At extends { timestampMs: number } | { startMs: number; endMs: number }>(
              at: At,
            ): At =>
              Object.fromEntries(
                Object.entries(at).map(([name, value]) => [
                  name,
                  name.endsWith('Ms') ? Number(value) - ORIGIN_MS + beforeMs : value,
                ]),
              ) as At;
            const there = facts.map(moved);
            const meterId = `mtr_${randomUUID()}`;
            const events = toEvents(there, meterId);
            for (const batch of toBatches(there, events)) await store.insert(batch);
            const lastSequence = await store.lastSequence();
            const old = events.filter(({ timestampMs }) => timestampMs < beforeMs);
            const { months, lastReceivedAtMs } = await store.prunable(beforeMs);
            const monthBefore = new Date(beforeMs - 1).toISOString().slice(0, 7);
            const found = months.find((each) => each.month === monthBefore);
            assert.equal(found?.events ?? 0, old.length);
            if (old.length > 0) assert.equal(lastReceivedAtMs, ORIGIN_MS);
            await store.prune(beforeMs, ORIGIN_MS, async () => undefined);
            if (reopens) store = await opened.reopen();
            assert.equal(store.prunedBeforeMs, beforeMs);
            assert.deepEqual((await store.prunable(beforeMs)).months, []);
            assert.equal(await store.lastSequence(), lastSequence);
            for (const { identifier } of old) {
              assert.equal(await store.findEvent(NAMESPACE, [meterId], identifier), undefined);
            }
            for (const asked of questions.map(moved)) {
              const query = toQuery(meterId, asked);
              const needsEvents =
                query.eventTimeWindow === null &&
                [query.startMs, query.endMs].some((ms) => ms < beforeMs && ms % HOUR_MS !== 0);
              const summary = store.summarize(query);
              if (needsEvents) await assert.rejects(summary, /were pruned/);
              else assert.deepEqual(await summary, expected(there, events, query));
            }
          },
        ),
        { numRuns: 12 },
      );
      assert.equal((await store.auditor.hours({})).differences, 0);
    });

    test('while months are pruned their events are closed, and cancellations that came before count', async () => {
      const meterId = `mtr_${randomUUID()}`;
      const beforeMs = Date.UTC(2000, 0, 1);
      const [early, late] = [1, 2].map(() => anEvent({ meterId, timestampMs: beforeMs - 1 }));
      // All of its hour.
      const gone = anEvent({ meterId, timestampMs: beforeMs - 2 * HOUR_MS });
      await store.insert(batchOf([early!, late!, gone]));
      await assert.rejects(
        store.prune(beforeMs, ORIGIN_MS, async () => {
          assert.equal(store.closedBeforeMs, beforeMs);
          throw new Error('the store is behind');
        }),
      );
      assert.ok(store.closedBeforeMs < beforeMs, 'as before');
      await store.prune(beforeMs, ORIGIN_MS, async () => {
        await store.insert(batchOf([], [early!, gone].map(cancellationOf)));
      });
      const day = { ...wholeDay(meterId), startMs: beforeMs - DAY_MS, endMs: beforeMs };
      const hours = await store.summarize({ ...day, formula: 'count', groupingWindow: 'hour' });
      assert.deepEqual(hours, [{ startMs: beforeMs - HOUR_MS, value: one }]);
    });

    // The last test: the snapshot takes the store's place.
    test('a snapshot holds what was stored when it was made, and can be gone on from', async () => {
      const meterId = `mtr_${randomUUID()}`;
      const [cancelled, kept, later] = ['100', '7.25', '1'].map((text) =>
        anEvent({ meterId, value: quantity(text) }),
      );
      await store.insert(batchOf([cancelled!, kept!], [cancellationOf(cancelled!)]));
      await store.snapshot(opened.snapshotFolder);
      const after = batchOf([later!], [cancellationOf(kept!)]);
      await store.insert(after);
      store = await opened.openSnapshot();
      assert.deepEqual(valuesOf(await store.summarize(wholeDay(meterId))), [quantity('7.25')]);
      assert.equal(await store.lastSequence(), kept!.sequence);
      // The token of an insert that the snapshot has not seen means nothing to it.
      await store.insert(after);
      assert.deepEqual(valuesOf(await store.summarize(wholeDay(meterId))), [one]);
      assert.equal((await store.auditor.hours({})).differences, 0);
    });
  });
}

/** `namespace identifier receivedAtMs` of each. */
async function listIdentifiers(store: UsageStore, range: IdentifierRange): Promise<string[]> {
  const listed: string[] = [];
  for await (const chunk of store.identifiers(range)) {
    for (let i = 0; i < chunk.count; i += 1) {
      const start = chunk.starts[i]!;
      const identifier = Buffer.from(chunk.bytes.subarray(start, start + chunk.lengths[i]!));
      listed.push([chunk.namespace, identifier.toString(), chunk.receivedAtMs[i]].join(' '));
    }
  }
  return listed;
}

type Fact = {
  readonly customer: string;
  readonly timestampMs: number;
  readonly value: Quantity;
  readonly cancelled: boolean;
  /** Which insert it comes with: later ones may hold earlier times. */
  readonly batch: number;
};

// Narrow on purpose: ties in time, several events in a window, and edges that cut hours are the hard cases.
const fact: fc.Arbitrary<Fact> = fc.record({
  customer: fc.constantFrom('cus_a', 'cus_a', 'cus_b'),
  timestampMs: fc
    .tuple(fc.constantFrom(-25, -1, 0, 0, 1, 24), fc.constantFrom(0, 0, 59_999, 60_000, 3_599_999))
    .map(([hour, offset]) => ORIGIN_MS + hour * HOUR_MS + offset),
  value: fc.oneof(
    fc.bigInt({ min: -5n, max: 5n }).map((n) => n * 10n ** 12n),
    fc.bigInt({ min: -(10n ** 27n) + 1n, max: 10n ** 27n - 1n }),
  ),
  // Rare, so that whole hours without one are drawn too: those come from the rollup.
  cancelled: fc.nat({ max: 11 }).map((n) => n === 0),
  batch: fc.nat({ max: 2 }),
});
const history = fc.array(fact, { maxLength: 60, size: 'max' });

type Question = Pick<
  SummaryQuery,
  'formula' | 'eventTimeWindow' | 'groupingWindow' | 'startMs' | 'endMs'
>;
const question: fc.Arbitrary<Question> = fc
  .record({
    formula: fc.constantFrom<Formula>('sum', 'count', 'last'),
    eventTimeWindow: fc.constantFrom<EventTimeWindow | null>(null, 'hour', 'day'),
    groupingWindow: fc.constantFrom<GroupingWindow | null>(null, null, 'hour', 'day'),
    from: fc.integer({ min: -28 * 60, max: 26 * 60 }),
    length: fc.oneof(fc.integer({ min: 1, max: 180 }), fc.integer({ min: 1, max: 60 * 60 })),
  })
  .map(({ from, length, ...asked }) => {
    const unit = { hour: 60, day: 24 * 60 };
    const step = asked.groupingWindow === null ? 1 : unit[asked.groupingWindow];
    const start = Math.floor(from / step) * step;
    const end = start + Math.ceil(length / step) * step;
    return { ...asked, startMs: ORIGIN_MS + start * MINUTE_MS, endMs: ORIGIN_MS + end * MINUTE_MS };
  });

function toEvents(facts: readonly Fact[], meterId: string): MeterEvent[] {
  return facts.map(({ customer, timestampMs, value }) =>
    anEvent({ meterId, customer, timestampMs, value }),
  );
}

/** The facts cut into inserts; each insert brings the cancellations of the one before it. */
function toBatches(facts: readonly Fact[], events: readonly MeterEvent[]): UsageBatch[] {
  const inBatch = (batch: number) => events.filter((_, index) => facts[index]!.batch === batch);
  const cancelledIn = (batch: number) =>
    events
      .filter((_, index) => facts[index]!.batch === batch && facts[index]!.cancelled)
      .map(cancellationOf);
  return [0, 1, 2, 3].map((batch) => batchOf(inBatch(batch), cancelledIn(batch - 1)));
}

function toQuery(meterId: string, asked: Question): SummaryQuery {
  return { ...wholeDay(meterId), ...asked };
}

function expected(facts: readonly Fact[], events: readonly MeterEvent[], query: SummaryQuery) {
  const counted = events.filter(
    (event, index) => event.customer === query.customer && !facts[index]!.cancelled,
  );
  return summarize(query, counted).map(({ startMs, value }) => ({ startMs, value }));
}

const one = quantity('1');
let lastSequence = 0;

function anEvent(given: Partial<MeterEvent>): MeterEvent {
  lastSequence += 1;
  return {
    namespace: NAMESPACE,
    meterId: 'mtr_1',
    customer: 'cus_a',
    timestampMs: ORIGIN_MS,
    sequence: lastSequence,
    receivedAtMs: ORIGIN_MS,
    identifier: randomUUID(),
    value: one,
    rest: new Map(),
    ...given,
  };
}

function cancellationOf(event: MeterEvent): Cancellation {
  const { namespace, meterId, customer, timestampMs, sequence, identifier } = event;
  const cancelledAtMs = ORIGIN_MS + 5;
  return {
    namespace,
    meterId,
    customer,
    timestampMs,
    sequence,
    identifier,
    cancelledAtMs,
    requestId: 'req_1',
  };
}

function batchOf(
  events: readonly MeterEvent[],
  cancellations: readonly Cancellation[] = [],
): UsageBatch {
  const columns = new EventColumns();
  for (const event of events) {
    columns.add({ ...event, value: toDecimal(event.value) }, event.sequence);
  }
  return {
    token: randomUUID(),
    eventsFormat: 'Native',
    events: columns.take(),
    rejections: new Uint8Array(),
    cancellations: Buffer.from(cancellations.map(cancellationRow).join('')),
  };
}

function wholeDay(meterId: string): SummaryQuery {
  return {
    namespace: NAMESPACE as Namespace,
    meterId,
    customer: 'cus_a',
    formula: 'sum',
    eventTimeWindow: null,
    groupingWindow: null,
    startMs: ORIGIN_MS,
    endMs: ORIGIN_MS + DAY_MS,
    order: 'newest_first',
    limit: 1000,
  };
}

function quantity(text: string): Quantity {
  const value = parseQuantity(text);
  assert.equal(typeof value, 'bigint');
  return value as Quantity;
}

function valuesOf(rows: readonly { value: Quantity }[]): Quantity[] {
  return rows.map(({ value }) => value);
}
