/**
 * A real access log, metered to the last byte: every hit is sent, out of order and a fifth of them twice,
 * then all sums are compared with what a few lines count from the file.
 */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, describe, test, type TestContext } from 'node:test';
import { ACCESS_LOG, readAccessLog, type Hit } from '../support/access-log.ts';
import { createMeter } from '../support/fixtures.ts';
import { call, errorOf, toForm } from '../support/http.ts';
import { newRandom } from '../support/random.ts';
import { newClient, NEWEST, OLDER, type Stripe } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { allSummaries } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S, nowMs } from '../support/times.ts';
import { inParallel } from '../support/wait.ts';

const WIDTH = 32;
const TWICE = 0.2;
const THROUGH_SDK = 0.05;

const FORMULAS = { http_requests: 'count', http_bytes: 'sum', http_last_bytes: 'last' } as const;
type MeterName = keyof typeof FORMULAS;
const METERS = Object.keys(FORMULAS) as readonly MeterName[];

type Event = {
  readonly meter: MeterName;
  readonly customer: string;
  readonly timestampS: number;
  readonly value: number;
  readonly identifier: string;
};
/** Events to be sent one after another; `atOnce` sends both copies of an event at the same moment. */
type Chain = readonly { readonly event: Event; readonly atOnce: boolean }[];

const log = readAccessLog();
describe('a real access log', { skip: log === undefined && `no log at ${ACCESS_LOG}` }, () => {
  const hits = log ?? [];
  const random = newRandom();
  // By whole days, so that hours and days stay what they are.
  const latest = Math.max(...hits.map((hit) => hit.timeS));
  const shiftS = dayStart(1) - Math.floor(latest / DAY_S) * DAY_S;
  const events = hits.flatMap((hit) => toEvents(hit, shiftS));
  const customers = [...new Set(hits.map((hit) => hit.client))];
  /** In the order in which the server acknowledged them. */
  const acknowledged: Event[] = [];
  const meterIds = new Map<MeterName, string>();
  let server: Server;

  before(async () => {
    server = await Server.start();
    for (const name of METERS) {
      const fields = { event_name: name, formula: FORMULAS[name] };
      meterIds.set(name, (await createMeter(newClient(server), fields)).id);
    }
  });
  after(async () => {
    await server.remove();
  });

  test('each event is accepted once, however often it is sent', async (t) => {
    t.diagnostic(`seed ${random.seed} (TAXIMETER_SEED repeats it)`);
    const { chains, copies } = toChains(events);
    const agent = new Agent({ keepAlive: true, maxSockets: 2 * WIDTH });
    const clients = [NEWEST, OLDER].map((line) => newClient(server, { line }));
    let refused = 0;
    const send = async (event: Event, client: Stripe | undefined): Promise<void> => {
      const outcome = await (client === undefined
        ? sendRaw(server, event, agent)
        : sendWithSdk(client, event));
      if (outcome === 'accepted') acknowledged.push(event);
      else refused += 1;
    };
    await measured(t, `sent ${events.length} events and ${copies} copies`, async () => {
      await inParallel(random.shuffled(chains), WIDTH, async (chain) => {
        const client = random.chance(THROUGH_SDK) ? random.pick(clients) : undefined;
        for (const { event, atOnce } of chain) {
          await Promise.all([send(event, client), ...(atOnce ? [send(event, client)] : [])]);
        }
      });
    });
    assert.equal(acknowledged.length, events.length);
    assert.equal(new Set(acknowledged.map((event) => event.identifier)).size, events.length);
    assert.equal(refused, copies);
  });

  for (const [name, widthS] of [
    ['hour', HOUR_S],
    ['day', DAY_S],
    ['total', undefined],
  ] as const) {
    test(`every customer’s usage by ${name} is what the file says`, async (t) => {
      const expected = oracle(acknowledged, widthS);
      const first = Math.floor((Math.min(...hits.map((hit) => hit.timeS)) + shiftS) / DAY_S);
      const range = { start_time: first * DAY_S, end_time: dayStart(0) };
      const window = name === 'total' ? {} : { value_grouping_window: name };
      const queries = METERS.flatMap((meter) => customers.map((customer) => ({ meter, customer })));
      let rows = 0;
      await measured(t, `${queries.length} queries`, async () => {
        await inParallel(queries, 8, async ({ meter, customer }) => {
          const id = meterIds.get(meter) ?? '';
          const found = await allSummaries(server, { meter: id, customer, ...range, ...window });
          const pairs = found.map((row) => {
            const start = name === 'total' ? 0 : row.start_time;
            assert.equal(
              row.end_time - row.start_time,
              widthS ?? range.end_time - range.start_time,
            );
            return [start, row.aggregated_value] as const;
          });
          const wanted = [...(expected.get(`${meter} ${customer}`) ?? [])]
            .map(([start, value]) => [start, String(value)] as const)
            .toSorted(([a], [b]) => b - a);
          assert.deepEqual(pairs, wanted, `${meter} of ${customer}`);
          rows += pairs.length;
        });
      });
      t.diagnostic(`${rows} summaries compared`);
    });
  }

  test('the busiest customers’ hours through the SDK, ten a page', async () => {
    const expected = oracle(acknowledged, HOUR_S);
    const size = (customer: string): number => expected.get(`http_requests ${customer}`)?.size ?? 0;
    const busiest = customers.toSorted((a, b) => size(b) - size(a)).slice(0, 8);
    for (const [index, customer] of busiest.entries()) {
      const client = newClient(server, { line: index % 2 === 0 ? NEWEST : OLDER });
      for (const meter of METERS) {
        const list = client.billing.meters.listEventSummaries(meterIds.get(meter) ?? '', {
          customer,
          start_time: dayStart(35),
          end_time: dayStart(0),
          value_grouping_window: 'hour',
        });
        const found = new Map<number, number>();
        for await (const row of list) found.set(row.start_time, row.aggregated_value);
        assert.deepEqual(found, expected.get(`${meter} ${customer}`));
      }
    }
  });

  /** Groups what must be sent one after another, and draws which events are sent twice, and when. */
  function toChains(all: readonly Event[]): {
    readonly chains: readonly Chain[];
    readonly copies: number;
  } {
    const chains: Chain[] = [];
    const ties = new Map<string, { event: Event; atOnce: boolean }[]>();
    let copies = 0;
    for (const event of random.shuffled(all)) {
      const twice = random.chance(TWICE);
      const atOnce = twice && random.chance(0.5);
      if (twice) copies += 1;
      if (event.meter !== 'http_last_bytes') {
        chains.push([{ event, atOnce }]);
        // The other copy goes anywhere: it may well be the first to arrive.
        if (twice && !atOnce) chains.push([{ event, atOnce: false }]);
        continue;
      }
      // Of a tie the last received wins: who that is must not depend on a race.
      const key = `${event.customer} ${event.timestampS}`;
      const chain = ties.get(key) ?? [];
      ties.set(key, chain);
      chain.push({ event, atOnce });
      if (twice && !atOnce) chain.push({ event, atOnce: false });
    }
    return { chains: [...chains, ...ties.values()], copies };
  }
});

function toEvents(hit: Hit, shiftS: number): readonly Event[] {
  const of = (meter: MeterName, value: number): Event => ({
    meter,
    customer: hit.client,
    timestampS: hit.timeS + shiftS,
    value,
    identifier: `${meter}:${hit.line}`,
  });
  if (hit.bytes === undefined) return [of('http_requests', 1)];
  return [of('http_requests', 1), of('http_bytes', hit.bytes), of('http_last_bytes', hit.bytes)];
}

/** Values by `meter customer` and start of window (0: all in one), from events in order of arrival. */
function oracle(
  arrived: readonly Event[],
  widthS = Number.MAX_SAFE_INTEGER,
): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const values = new Map<string, Map<number, number>>();
  const inTime = arrived.toSorted((a, b) => a.timestampS - b.timestampS); // stable: ties keep arrival
  for (const { meter, customer, timestampS, value } of inTime) {
    const key = `${meter} ${customer}`;
    const windows = values.get(key) ?? new Map<number, number>();
    values.set(key, windows);
    const start = Math.floor(timestampS / widthS) * widthS;
    const before = meter === 'http_last_bytes' ? 0 : (windows.get(start) ?? 0);
    windows.set(start, before + value);
  }
  return values;
}

type Outcome = 'accepted' | 'duplicate';

async function sendRaw(server: Server, event: Event, agent: Agent): Promise<Outcome> {
  const answer = await call(server, {
    path: '/v1/billing/meter_events',
    agent,
    body: toForm({
      event_name: event.meter,
      identifier: event.identifier,
      timestamp: event.timestampS,
      'payload[stripe_customer_id]': event.customer,
      'payload[value]': event.value,
    }),
  });
  if (answer.status === 200) return 'accepted';
  assert.equal(errorOf(answer).code, 'duplicate_meter_event', answer.text);
  return 'duplicate';
}

async function sendWithSdk(client: Stripe, event: Event): Promise<Outcome> {
  try {
    await client.billing.meterEvents.create({
      event_name: event.meter,
      identifier: event.identifier,
      timestamp: event.timestampS,
      payload: { stripe_customer_id: event.customer, value: String(event.value) },
    });
    return 'accepted';
  } catch (error) {
    assert.equal((error as { readonly code?: string }).code, 'duplicate_meter_event');
    return 'duplicate';
  }
}

async function measured(t: TestContext, what: string, run: () => Promise<void>): Promise<void> {
  const startedMs = nowMs();
  await run();
  t.diagnostic(`${what} in ${((nowMs() - startedMs) / 1000).toFixed(1)} s`);
}
