/** What every usage store promises of single events (see event-search.ts), against a model of a few lines. */
import { DAY_MS, HOUR_MS } from '../../domain/time.ts';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type {
  Cancellation,
  MeterEvent,
  RejectedEvent,
} from '../../domain/meter-events/meter-event.ts';
import { wholePayload } from '../../domain/meter-events/measure.ts';
import { saidTimeMs } from '../../domain/meter-events/said-time.ts';
import type { EventTimeWindow, Formula } from '../../domain/meter.ts';
import { toNamespace, type Namespace } from '../../domain/namespace.ts';
import { formatRfc3339 } from '../../domain/rfc3339.ts';
import { windowStartMs } from '../../domain/windows.ts';
import { batchOf } from './batch-fixture.ts';
import { withStore, type OpenUsageStore } from './contract-store.ts';
import type {
  EventSearch,
  EventState,
  RejectionSearch,
  SearchedMeter,
  TimeRange,
} from '../event-search.ts';
import type { UsageStore } from '../usage-store.ts';

const ORIGIN_MS = 20_000 * DAY_MS;
const PLACE = { after: 0, before: Number.MAX_SAFE_INTEGER, order: 'newest_first' } as const;
const ONE = 10n ** 12n;

export function eventSearchContract(name: string, open: OpenUsageStore): void {
  describe(`${name} tells what became of events`, () => {
    let store: UsageStore;
    withStore(open, (opened) => {
      ({ store } = opened);
    });

    test('an event is found by all it may be asked by, with its state', async () => {
      await fc.assert(
        fc.asyncProperty(worlds, async (drawn) => {
          const world = toWorld(drawn);
          await store.insert(batchOf(world));
          for (const asked of drawn.questions) {
            const search = toEventSearch(world, asked);
            assert.deepEqual(await store.search.findEvents(search), expectedEvents(world, search));
          }
        }),
        { numRuns: 40 },
      );
    });

    test('a rejected event is found by what it said, also where it could not be measured', async () => {
      await fc.assert(
        fc.asyncProperty(worlds, async (drawn) => {
          const world = toWorld(drawn);
          await store.insert(batchOf(world));
          for (const asked of drawn.questions) {
            const search = toRejectionSearch(world, asked);
            const found = await store.search.findRejections(search);
            assert.deepEqual(found, expectedRejections(world, search));
          }
        }),
        { numRuns: 20 },
      );
    });

    test('without meters nothing is found, and no other namespace is looked into', async () => {
      const meter = aMeter('sum', null);
      const event = anEvent(newNamespace(), meter, {});
      await store.insert(batchOf({ events: [event], cancellations: [], rejections: [] }));
      const ask = { place: PLACE, limit: 10 };
      const { namespace } = event;
      assert.equal(
        (await store.search.findEvents({ ...ask, namespace, meters: [meter] })).length,
        1,
      );
      assert.deepEqual(await store.search.findEvents({ ...ask, namespace, meters: [] }), []);
      assert.deepEqual(
        await store.search.findEvents({ ...ask, namespace: newNamespace(), meters: [meter] }),
        [],
      );
    });
  });
}

type World = {
  readonly namespace: Namespace;
  readonly meters: readonly SearchedMeter[];
  readonly events: readonly MeterEvent[];
  readonly cancellations: readonly Cancellation[];
  readonly rejections: readonly RejectedEvent[];
};

// Few customers, hours and values, so that most questions find something.
const customers = fc.constantFrom('cus_a', "cus_'\\b");
const hours = fc.constantFrom(-1, 0, 0, 0, 1);
const texts = fc.constantFrom('1', '1.50', '-2', 'x', '');
const fact = fc.record({
  meter: fc.nat(3),
  customer: customers,
  hour: hours,
  value: fc.constantFrom(ONE, -2n * ONE, (3n * ONE) / 2n),
  zone: fc.option(texts, { nil: undefined }),
  saysValue: fc.boolean(),
  cancelled: fc.nat(4).map((n) => n === 0),
});
const rejectedFact = fc.record({
  code: fc.constantFrom('no_meter', 'meter_event_invalid_value'),
  customer: customers,
  zone: texts,
  eventName: fc.constantFrom('rides', ''),
  hour: fc.option(hours, { nil: undefined }),
  readable: fc.boolean(),
  isDuplicate: fc.boolean(),
});
const range = fc
  .tuple(hours, fc.constantFrom(1, 24))
  .map(([hour, length]) => ({ fromMs: at(hour), toMs: at(hour + length) }));
/** Asked for seldom: a question with many conditions finds nothing. */
const seldom = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: one });
const question = fc.record({
  customer: seldom(customers),
  status: seldom(fc.constantFrom('counted', 'counted', 'superseded', 'superseded', 'cancelled')),
  timestampMs: seldom(range),
  receivedAtMs: seldom(range),
  payload: seldom(fc.tuple(fc.constantFrom('zone', 'who', 'how_much'), fc.oneof(texts, customers))),
  code: seldom(fc.constantFrom('no_meter', 'meter_event_invalid_value')),
  eventName: seldom(fc.constant('rides')),
  isDuplicate: seldom(fc.boolean()),
  order: seldom(fc.constantFrom('newest_first', 'oldest_first')),
  limit: fc.constantFrom(2, 100, 100),
  cut: seldom(fc.nat(20)),
  nth: seldom(fc.nat(20)),
});
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never;

const worlds = fc.record({
  facts: fc.array(fact, { minLength: 1, maxLength: 20 }),
  rejected: fc.array(rejectedFact, { maxLength: 8 }),
  questions: fc.array(question, { minLength: 8, maxLength: 8 }),
});
type Drawn = typeof worlds extends fc.Arbitrary<infer T> ? T : never;

function toWorld({ facts, rejected }: Drawn): World {
  const namespace = newNamespace();
  const meters = [
    aMeter('sum', null),
    aMeter('sum', 'hour'),
    aMeter('last', 'day'),
    aMeter('count', null),
  ];
  const events = facts.map(({ meter: index, customer, hour, value, zone, saysValue }) => {
    const meter = meters[index]!;
    const rest = new Map<string, string>();
    if (zone !== undefined) rest.set('zone', zone);
    if (!saysValue) rest.set(meter.valueKey, '1.50');
    return anEvent(namespace, meter, {
      customer,
      timestampMs: at(hour),
      receivedAtMs: at(hour),
      value: meter.formula === 'count' ? ONE : value,
      rest,
    });
  });
  const cancellations = events
    .filter((_, index) => facts[index]!.cancelled)
    .map((event) => ({
      ...pick(event),
      cancelledAtMs: ORIGIN_MS + event.sequence,
      requestId: `req_${event.sequence}`,
    }));
  return {
    namespace,
    meters,
    events,
    cancellations,
    rejections: rejected.map(toRejected(namespace)),
  };
}

const toRejected =
  (namespace: Namespace) =>
  ({
    code,
    customer,
    zone,
    eventName,
    hour,
    readable,
    isDuplicate,
  }: Drawn['rejected'][number]): RejectedEvent => {
    const timestamp = hour === undefined ? undefined : formatRfc3339(at(hour));
    const sent = JSON.stringify({ timestamp, payload: { who: customer, zone } });
    return {
      namespace,
      sequence: nextSequence(),
      receivedAtMs: at(24),
      eventName,
      identifier: randomUUID(),
      meterId: '',
      sent: readable ? sent : sent.slice(0, -1),
      code,
      message: 'No.',
      requestId: 'req_1',
      ...(isDuplicate ? { duplicateOf: 2 ** 52 } : {}),
    };
  };

function toSearch({ namespace, events }: World, asked: Question) {
  const { customer, timestampMs, receivedAtMs, payload, order, limit, cut, nth } = asked;
  const first = events[0]!.sequence;
  return {
    namespace,
    customer,
    timestampMs,
    receivedAtMs,
    identifier: nth === undefined ? undefined : events[nth % (2 * events.length)]?.identifier,
    payload: payload && new Map([payload]),
    place: {
      after: cut !== undefined && order === 'oldest_first' ? first + cut : 0,
      before: cut !== undefined && order !== 'oldest_first' ? first + cut : PLACE.before,
      order: order ?? 'newest_first',
    },
    limit,
  } as const;
}

function toEventSearch(world: World, asked: Question): EventSearch {
  return { ...toSearch(world, asked), meters: world.meters, status: asked.status };
}

function toRejectionSearch(world: World, asked: Question): RejectionSearch {
  const { code, eventName, isDuplicate } = asked;
  const customerKeys = ['other', 'who'];
  return { ...toSearch(world, asked), code, eventName, isDuplicate, customerKeys };
}

function expectedEvents(world: World, search: EventSearch) {
  const found = world.events
    .map((event) => ({ event, state: stateOf(world, event) }))
    .filter(({ event, state }) => {
      const meter = world.meters.find(({ id }) => id === event.meterId)!;
      return (
        holds(search.identifier, event.identifier) &&
        holds(search.customer, event.customer) &&
        holds(search.status, state.status) &&
        isIn(search.timestampMs, event.timestampMs) &&
        isIn(search.receivedAtMs, event.receivedAtMs) &&
        hasAll(search.payload, (key) => wholePayload(meter, event).get(key))
      );
    });
  return pageOf(search, found, ({ event }) => event.sequence);
}

function expectedRejections(world: World, search: RejectionSearch): RejectedEvent[] {
  const found = world.rejections.filter((rejected) => {
    const said = saidBy(rejected);
    return (
      holds(search.identifier, rejected.identifier) &&
      holds(search.eventName, rejected.eventName) &&
      holds(search.code, rejected.code) &&
      holds(search.isDuplicate, rejected.duplicateOf !== undefined) &&
      holds(search.customer, said.payload['who']) &&
      isIn(search.timestampMs, saidTimeMs(rejected)) &&
      isIn(search.receivedAtMs, rejected.receivedAtMs) &&
      hasAll(search.payload, (key) => said.payload[key])
    );
  });
  return pageOf(search, found, ({ sequence }) => sequence);
}

type Said = {
  readonly payload: Readonly<Record<string, string | undefined>>;
};

/** What was cut says nothing. */
function saidBy({ sent }: RejectedEvent): Said {
  try {
    return JSON.parse(sent) as Said;
  } catch {
    return { payload: {} };
  }
}

function stateOf({ meters, events, cancellations }: World, event: MeterEvent): EventState {
  const cancelled = cancellations.find(({ sequence }) => sequence === event.sequence);
  if (cancelled !== undefined) {
    const { cancelledAtMs, requestId } = cancelled;
    return { status: 'cancelled', cancelledAtMs, requestId };
  }
  const window = meters.find(({ id }) => id === event.meterId)?.eventTimeWindow ?? null;
  if (window === null) return { status: 'counted' };
  const rivals = events.filter(
    (other) =>
      other.meterId === event.meterId &&
      other.customer === event.customer &&
      windowStartMs(window, other.timestampMs) === windowStartMs(window, event.timestampMs) &&
      !cancellations.some(({ sequence }) => sequence === other.sequence),
  );
  const { sequence, identifier } = rivals.at(-1)!;
  if (sequence === event.sequence) return { status: 'counted' };
  return { status: 'superseded', by: { sequence, identifier } };
}

function pageOf<T>(
  { place, limit }: Pick<EventSearch, 'place' | 'limit'>,
  found: readonly T[],
  sequenceOf: (one: T) => number,
): T[] {
  const inPlace = found.filter(
    (one) => sequenceOf(one) > place.after && sequenceOf(one) < place.before,
  );
  return (place.order === 'newest_first' ? inPlace.toReversed() : inPlace).slice(0, limit);
}

function holds<T>(asked: T | undefined, is: T | undefined): boolean {
  return asked === undefined || asked === is;
}

function isIn(asked: TimeRange | undefined, timeMs: number | undefined): boolean {
  if (asked === undefined) return true;
  return timeMs !== undefined && timeMs >= asked.fromMs && timeMs < asked.toMs;
}

function hasAll(
  asked: ReadonlyMap<string, string> | undefined,
  textOf: (key: string) => string | undefined,
): boolean {
  return [...(asked ?? [])].every(([key, text]) => textOf(key) === text);
}

function at(hour: number): number {
  return ORIGIN_MS + hour * HOUR_MS;
}

function newNamespace(): Namespace {
  return toNamespace(`acct_${randomUUID()}`, 'test');
}

function aMeter(formula: Formula, eventTimeWindow: EventTimeWindow | null): SearchedMeter {
  const id = `mtr_${randomUUID()}`;
  return { id, formula, eventTimeWindow, customerKey: 'who', valueKey: 'how_much' };
}

let lastSequence = 0;
function nextSequence(): number {
  lastSequence += 1;
  return lastSequence;
}

function anEvent(
  namespace: Namespace,
  { id: meterId }: SearchedMeter,
  given: Partial<MeterEvent>,
): MeterEvent {
  return {
    namespace,
    meterId,
    customer: 'cus_a',
    timestampMs: ORIGIN_MS,
    sequence: nextSequence(),
    receivedAtMs: ORIGIN_MS,
    identifier: randomUUID(),
    value: ONE,
    rest: new Map(),
    ...given,
  };
}

function pick({ namespace, meterId, customer, timestampMs, sequence, identifier }: MeterEvent) {
  return { namespace, meterId, customer, timestampMs, sequence, identifier };
}
