/**
 * P2, P4 and P6: whatever is sent by v1, v2 and the stream, with duplicates within and between requests, retries
 * and cancels, the usage is what a few lines of rules say. TAXIMETER_SEED repeats the draws of a run.
 */
import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { digits, ONE, units } from '../support/decimal.ts';
import { createMeter } from '../support/fixtures.ts';
import { call, errorOf, toForm, type Answer } from '../support/http.ts';
import { newRandom, unique } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { fates, openStream, postStream, TELL, type Told } from '../support/stream.ts';
import { allSummaries } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S } from '../support/times.ts';
import { isoOf, postJson, v2ErrorOf, V2_ADJUSTMENTS, V2_EVENTS } from '../support/v2.ts';
import { inParallel } from '../support/wait.ts';

const RULES = [
  { formula: 'sum' },
  { formula: 'count' },
  { formula: 'last' },
  { formula: 'sum', event_time_window: 'hour' },
  { formula: 'last', event_time_window: 'day' },
  { formula: 'count', event_time_window: 'hour' },
] as const;
type Rule = {
  readonly formula: 'sum' | 'count' | 'last';
  readonly event_time_window?: 'hour' | 'day';
};
const WINDOW_S = { hour: HOUR_S, day: DAY_S } as const;

let server: Server;
let token: string;
const meters: { readonly id: string; readonly event_name: string; readonly rule: Rule }[] = [];
before(async () => {
  server = await Server.start();
  token = await openStream(server);
  for (const rule of RULES) {
    const { id, event_name } = await createMeter(newClient(server), rule);
    meters.push({ id, event_name, rule });
  }
});
after(async () => {
  await server.remove();
});

const start = dayStart(4);

/** An event as drawn: few identifiers, times and values, so that duplicates, ties and shared windows are common. */
type Draft = {
  readonly meter: number;
  readonly identifier: string | undefined;
  readonly value: string;
  /** Seconds from `start`. */
  readonly atS: number;
};
type Step =
  | { readonly by: 'v1' | 'v2'; readonly event: Draft; readonly retries: number }
  | { readonly by: 'stream'; readonly events: readonly (Draft | 'bad')[]; readonly retries: number }
  | {
      readonly by: 'cancel v1' | 'cancel v2';
      readonly meter: number;
      readonly identifier: string;
    };

const identifiers = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const;
const draft: fc.Arbitrary<Draft> = fc.record({
  meter: fc.nat({ max: RULES.length - 1 }),
  identifier: fc.option(fc.constantFrom(...identifiers), { nil: undefined, freq: 4 }),
  value: fc.constantFrom('1', '2.5', '-3', '0', '0.000000000001', '999999999999999', '1e2'),
  atS: fc.constantFrom(0, 1, 1800, 3599, 3600, DAY_S - 1, DAY_S, DAY_S + 3600),
});
/** How often the same is sent again under the same key. */
const retries = fc.constantFrom(0, 0, 0, 1, 2);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ by: fc.constantFrom('v1' as const, 'v2'), event: draft, retries }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      by: fc.constant('stream' as const),
      events: fc.array(
        fc.oneof(
          { weight: 6, arbitrary: draft },
          { weight: 1, arbitrary: fc.constant('bad' as const) },
        ),
        { maxLength: 8 },
      ),
      retries,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      by: fc.constantFrom('cancel v1' as const, 'cancel v2'),
      meter: fc.nat({ max: RULES.length - 1 }),
      identifier: fc.constantFrom(...identifiers),
    }),
  },
);

type Counted = Draft & { isCancelled: boolean };

/** What one customer sent, under identifiers of its own, and what must have become of it. */
class World {
  readonly customer = unique('cus');
  /** In the order of arrival. */
  readonly events: Counted[] = [];

  /** Whether it is new; then it counts. */
  accept(event: Draft): boolean {
    if (event.identifier !== undefined && this.find(event.identifier) !== undefined) return false;
    this.events.push({ ...event, isCancelled: false });
    return true;
  }

  find(identifier: string): Counted | undefined {
    return this.events.find((event) => event.identifier === identifier);
  }

  /** Values by start of the window, of what lies in [fromS, toS); a range without a window starts at `fromS`. */
  usage(meter: number, fromS: number, toS: number, windowS?: number): Map<number, bigint> {
    const { formula, event_time_window } = RULES[meter] as Rule;
    const counted = this.events.filter((event) => event.meter === meter && !event.isCancelled);
    const survivors =
      event_time_window === undefined
        ? counted
        : lastReceived(counted, WINDOW_S[event_time_window]);
    const values = new Map<number, bigint>();
    // The sort is stable: ties stay in the order of arrival.
    for (const { atS, value } of survivors.toSorted((a, b) => a.atS - b.atS)) {
      if (atS < fromS || atS >= toS) continue;
      const key = windowS === undefined ? fromS : Math.floor(atS / windowS) * windowS;
      const before = values.get(key) ?? 0n;
      if (formula === 'count') values.set(key, before + ONE);
      else if (formula === 'last') values.set(key, units(value));
      else values.set(key, before + units(value));
    }
    return values;
  }
}

/** Of each window the event that came last, in the order of arrival. */
function lastReceived(events: readonly Counted[], windowS: number): readonly Counted[] {
  const windowOf = ({ atS }: Counted): number => Math.floor(atS / windowS);
  return events.filter(
    (event, n) => !events.slice(n + 1).some((later) => windowOf(later) === windowOf(event)),
  );
}

function bodyOf(world: World, { meter, identifier, value, atS }: Draft): object {
  return {
    event_name: meters[meter]!.event_name,
    payload: { stripe_customer_id: world.customer, value },
    timestamp: isoOf(start + atS),
    ...(identifier === undefined ? {} : { identifier: identifierOf(world, identifier) }),
  };
}

function identifierOf(world: World, identifier: string): string {
  return `${world.customer} ${identifier}`;
}

async function sendV1(world: World, event: Draft, key: string): Promise<Answer> {
  return await call(server, {
    path: '/v1/billing/meter_events',
    body: toForm({
      event_name: meters[event.meter]!.event_name,
      timestamp: start + event.atS,
      'payload[stripe_customer_id]': world.customer,
      'payload[value]': event.value,
      ...(event.identifier === undefined
        ? {}
        : { identifier: identifierOf(world, event.identifier) }),
    }),
    headers: { 'idempotency-key': key },
  });
}

async function sendV2(world: World, event: Draft, key: string): Promise<Answer> {
  const headers = { 'idempotency-key': key };
  return await postJson(server, { path: V2_EVENTS, body: bodyOf(world, event), headers });
}

async function run(world: World, one: Step): Promise<void> {
  switch (one.by) {
    case 'v1':
    case 'v2':
      return await runEvent(world, one);
    case 'stream':
      return await runStream(world, one);
    case 'cancel v1':
    case 'cancel v2':
      return await runCancel(world, one);
  }
}

async function runEvent(
  world: World,
  { by, event, retries: again }: Extract<Step, { event: Draft }>,
): Promise<void> {
  const send = by === 'v1' ? sendV1 : sendV2;
  const key = unique('key');
  const isNew = world.accept(event);
  const first = await send(world, event, key);
  if (!isNew) {
    const { code } = by === 'v1' ? errorOf(first) : v2ErrorOf(first);
    assert.equal(code, 'duplicate_meter_event', first.text);
    return;
  }
  assert.equal(first.status, 200, first.text);
  for (let n = 0; n < again; n++) assert.equal((await send(world, event, key)).text, first.text);
}

async function runStream(
  world: World,
  { events, retries: again }: Extract<Step, { by: 'stream' }>,
): Promise<void> {
  const headers = { ...TELL, 'idempotency-key': unique('key') };
  const sent = events.map((event) => (event === 'bad' ? { bad: 'x' } : bodyOf(world, event)));
  const expected = events.map((event) => {
    if (event === 'bad') return 'meter_event_malformed';
    return world.accept(event) ? 'accepted' : 'duplicate';
  });
  const first = await postStream(server, token, sent, headers);
  assert.deepEqual(fates(JSON.parse(first.text) as Told), expected);
  for (let n = 0; n < again; n++) {
    assert.equal((await postStream(server, token, sent, headers)).text, first.text);
  }
}

async function runCancel(
  world: World,
  { by, meter, identifier }: Extract<Step, { meter: number }>,
): Promise<void> {
  const event = world.find(identifier);
  const fields = { type: 'cancel', event_name: meters[meter]!.event_name };
  const name = identifierOf(world, identifier);
  const answer =
    by === 'cancel v1'
      ? await call(server, {
          path: '/v1/billing/meter_event_adjustments',
          body: { ...fields, 'cancel[identifier]': name },
        })
      : await postJson(server, {
          path: V2_ADJUSTMENTS,
          body: { ...fields, cancel: { identifier: name } },
        });
  const isKnown = event?.meter === meter;
  assert.equal(answer.status, isKnown ? 200 : 400, answer.text);
  if (isKnown) event.isCancelled = true;
}

/** Both days whole, by the hour and by the day, and a range that cuts hours and windows. */
const READS = [
  { fromS: 0, toS: 2 * DAY_S },
  { fromS: 0, toS: 2 * DAY_S, window: 'hour' },
  { fromS: 0, toS: 2 * DAY_S, window: 'day' },
  { fromS: 1800, toS: DAY_S + 60 },
] as const satisfies readonly {
  readonly fromS: number;
  readonly toS: number;
  readonly window?: 'hour' | 'day';
}[];

async function check(world: World): Promise<void> {
  const queries = READS.flatMap((read) => meters.map((_, meter) => ({ read, meter })));
  await inParallel(queries, 4, async ({ read, meter }) => {
    const window = 'window' in read ? read.window : undefined;
    const rows = await allSummaries(server, {
      meter: meters[meter]!.id,
      customer: world.customer,
      start_time: start + read.fromS,
      end_time: start + read.toS,
      ...(window === undefined ? {} : { value_grouping_window: window }),
    });
    const windowS = window === undefined ? undefined : WINDOW_S[window];
    const expected = [...world.usage(meter, read.fromS, read.toS, windowS)];
    assert.deepEqual(
      rows.map((row) => [row.start_time - start, row.aggregated_value]),
      expected.toSorted(([a], [b]) => b - a).map(([at, value]) => [at, digits(value)]),
      `${JSON.stringify(RULES[meter])} ${JSON.stringify(read)}`,
    );
  });
}

function seeded(t: TestContext): { readonly seed: number } {
  const { seed } = newRandom();
  t.diagnostic(`seed ${seed} (TAXIMETER_SEED repeats its draws)`);
  return { seed };
}

test('any mix of calls, one after the other, ends in the usage that the rules say', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
      const world = new World();
      for (const one of steps) await run(world, one);
      await check(world);
    }),
    { ...seeded(t), numRuns: 12 },
  );
});

test('any mix of calls at once counts each identifier once', async (t) => {
  // Whoever comes first, it is the same event: its identifier says what is in it.
  const known = identifiers.map((identifier, n): Draft => {
    return { meter: n % 2, identifier, value: String(2 ** n), atS: (n % 3) * 3600 };
  });
  const event = fc.constantFrom(...known);
  const request = fc.oneof(
    fc.record({ by: fc.constantFrom('v1' as const, 'v2'), events: event.map((one) => [one]) }),
    fc.record({ by: fc.constant('stream' as const), events: fc.array(event, { maxLength: 10 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 2, maxLength: 30 }), async (requests) => {
      const world = new World();
      for (const one of requests.flatMap(({ events }) => events)) world.accept(one);
      const accepted = await Promise.all(
        requests.map(async ({ by, events }) => {
          if (by === 'stream') {
            const sent = events.map((one) => bodyOf(world, one));
            return (JSON.parse((await postStream(server, token, sent, TELL)).text) as Told)
              .accepted;
          }
          const send = by === 'v1' ? sendV1 : sendV2;
          return (await send(world, events[0]!, unique('key'))).status === 200 ? 1 : 0;
        }),
      );
      const sum = accepted.reduce((total, one) => total + one, 0);
      assert.equal(sum, world.events.length);
      await check(world);
    }),
    { ...seeded(t), numRuns: 10 },
  );
});
