/** What one account does costs another its share at most: answers are counted, not timed. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf } from '../support/http.ts';
import { createKey } from '../support/keys.ts';
import { unique } from '../support/random.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { openStream, postStream } from '../support/stream.ts';
import { dayStart } from '../support/times.ts';
import { until } from '../support/wait.ts';

const SEARCHES = 20;
/** So many that a search takes some hundred times as long as a summary. */
const EVENTS = 300_000;
const BATCH = 10_000;
const NOTHING = '/v1/billing/meter_events?status=counted&payload[model]=nope';

let server: Server;
let quiet: Stripe;
let meter: Stripe.Billing.Meter;
before(async () => {
  server = await Server.start({ args: ['--stream-events-max', String(BATCH)] });
  const noisy = await createMeter(newClient(server), { event_time_window: 'hour' });
  const token = await openStream(server);
  for (let sent = 0; sent < EVENTS; sent += BATCH) {
    const events = Array.from({ length: BATCH }, (_, n) => ({
      event_name: noisy.event_name,
      identifier: `${sent + n}`,
      payload: { stripe_customer_id: `c${n % 1000}`, value: '1', model: `m${n % 7}` },
    }));
    assert.equal((await postStream(server, token, events)).status, 200);
  }
  quiet = newClient(server, { key: await createKey(server.folder, '--account', 'acct_quiet') });
  meter = await createMeter(quiet);
});
after(async () => {
  await server.remove();
});

/** Twenty lanes that search again and again; `answered` and `refused` go up meanwhile. */
function searchesOfNoisy() {
  const counts = { answered: 0, refused: 0, isOver: false };
  const lane = async (): Promise<void> => {
    while (!counts.isOver) {
      const answer = await call(server, { path: NOTHING });
      if (answer.status === 200) counts.answered += 1;
      else {
        assert.ok([429, 503].includes(answer.status), answer.text);
        assert.ok(Number(answer.headers['retry-after']) > 0, answer.text);
        if (answer.status === 429) {
          assert.match(errorOf(answer).message, /Your account has 8 searches at once/u);
          counts.refused += 1;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  const lanes = Promise.all(Array.from({ length: SEARCHES }, lane));
  const stop = async (): Promise<void> => {
    counts.isOver = true;
    await lanes;
  };
  return { counts, stop };
}

async function summary(): Promise<number | undefined> {
  const range = { start_time: dayStart(1), end_time: dayStart(-1) };
  const { data } = await quiet.billing.meters.listEventSummaries(meter.id, {
    customer: 'c',
    ...range,
  });
  return data[0]?.aggregated_value;
}

describe('while 20 searches of one account run again and again', () => {
  let noise: ReturnType<typeof searchesOfNoisy>;
  before(async () => {
    noise = searchesOfNoisy();
    await until('searches are refused', () => noise.counts.refused > 0);
    await until('a search is answered', () => noise.counts.answered > 0);
  });
  after(async () => {
    await noise.stop();
  });

  test("another account's events and summaries are answered in between, not after them", async () => {
    const answered: number[] = [];
    for (let round = 1; round <= 20; round += 1) {
      const before = noise.counts.answered;
      await sendEvent(quiet, meter, { customer: 'c', identifier: unique('quiet') });
      assert.equal(await summary(), round, 'it counts what was acknowledged');
      answered.push(noise.counts.answered - before);
    }
    // In one queue with them each summary would wait for all eight that wait.
    const [median = Infinity] = answered.toSorted((a, b) => a - b).slice(10);
    assert.ok(median <= 3, `searches answered meanwhile: ${answered.join(' ')}`);
  });

  test("another account's search waits for one turn, not for all that wait", async () => {
    const key = await createKey(server.folder, '--account', 'acct_quiet');
    const answered: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const before = noise.counts.answered;
      const answer = await call(server, { path: '/v1/billing/meter_events?limit=1', key });
      assert.equal(answer.status, 200, answer.text);
      answered.push(noise.counts.answered - before);
    }
    // A list is four statements, each of which waits for one of the other account.
    const [median = Infinity] = answered.toSorted((a, b) => a - b).slice(2);
    assert.ok(median <= 6, `searches answered meanwhile: ${answered.join(' ')}`);
  });
});
