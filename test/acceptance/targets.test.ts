/** One request, whichever way its target is spelt: by its path, by the whole URL, or behind a base URL that ends in a slash. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Stripe from 'stripe';
import { createMeter } from '../support/fixtures.ts';
import { call, errorOf, type Answer } from '../support/http.ts';
import { exchange, statuses } from '../support/raw.ts';
import { unique } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import { Server, TEST_KEY } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => await server.remove());

/** What a proxy may send. The authority says nothing. */
const PREFIXES = [
  '',
  'http://taximeter.example',
  'HTTP://127.0.0.1:1',
  'https://u@[::1]:4747',
  '/',
];

describe('the whole URL as the target', () => {
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    test(path, async () => {
      for (const prefix of ['', 'http://x', 'https://x:1']) {
        const { status } = await call(server, { path: prefix + path, key: null });
        assert.equal(status, 200, prefix + path);
      }
    });
  }

  test('with no path behind it', async () => {
    const answer = await exchange(
      server,
      'GET http://x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    assert.deepEqual(statuses(answer), [404]);
    assert.match(answer.text, /Unrecognized request URL \(GET: \/\)/u);
  });
});

test('routes, ids and queries are the same; so is the shape of an error', async () => {
  const { id } = await newClient(server).customers.create({ name: 'x' });
  for (const prefix of PREFIXES) {
    const found = await call(server, { path: `${prefix}/v1/customers/${id}` });
    assert.equal(found.status, 200, prefix);
    const refused = await call(server, { path: `${prefix}/v1/customers?limit=x` });
    assert.deepEqual([refused.status, errorOf(refused).param], [400, 'limit'], prefix);
    const unknown = await call(server, { path: `${prefix}/v2/core/events/evt_test_x` });
    // v2 has no type there, and no param.
    assert.deepEqual(Object.keys(errorOf(unknown)), ['code', 'doc_url', 'message'], prefix);
  }
});

test('a keyed event is one event, whichever way it comes in and is sent again', async () => {
  const meter = await createMeter(newClient(server), { formula: 'count' });
  const body = {
    event_name: meter.event_name,
    'payload[stripe_customer_id]': 'c',
    timestamp: dayStart(1),
  };
  for (const [index, first] of PREFIXES.entries()) {
    const key = unique('key');
    const answers: Answer[] = [];
    for (const prefix of [first, ...PREFIXES]) {
      const path = `${prefix}/v1/billing/meter_events`;
      answers.push(await call(server, { path, body, headers: { 'idempotency-key': key } }));
    }
    assert.deepEqual(
      answers.map(({ status, text }) => `${status} ${text}`),
      answers.map(() => `200 ${answers[0]?.text}`),
    );
    const range = { start_time: dayStart(1), end_time: dayStart(1) + DAY_S };
    assert.equal(
      await total(server, { meter: meter.id, customer: 'c', ...range }),
      String(index + 1),
    );
  }
});

test('what a proxy keeps from others by its name is not to be had by another', async () => {
  for (const path of [
    '//metrics',
    '//healthz',
    '///v1/customers',
    '/v1//customers',
    'ftp://x/healthz',
  ]) {
    assert.equal((await call(server, { path })).status, 404, path);
  }
});

test('an SDK works with a host that ends in a slash', async () => {
  const { url } = server;
  const fetchThere = async (
    asked: string | URL | Request,
    init?: RequestInit,
  ): Promise<Response> => {
    const { pathname, search } = new URL(asked instanceof Request ? asked.url : asked);
    return await fetch(`${url}/${pathname}${search}`, init);
  };
  const client = new Stripe(TEST_KEY, { httpClient: Stripe.createFetchHttpClient(fetchThere) });
  const { id } = await client.customers.create({ name: 'x' });
  assert.equal((await client.customers.retrieve(id)).id, id);
});
