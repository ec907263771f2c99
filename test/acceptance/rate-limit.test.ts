/** `--rate-limit`: how many requests a second a key may make. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { call, errorOf, type Answer } from '../support/http.ts';
import { createKey } from '../support/keys.ts';
import { newClient, refused, SDK_LINES } from '../support/sdk.ts';
import { LIVE_KEY, Server, TEST_KEY } from '../support/server.ts';
import { openStream, postStream } from '../support/stream.ts';
import { postJson, v2ErrorOf, V2_EVENTS } from '../support/v2.ts';

let server: Server;
before(async () => {
  // One request a second, so that a burst of a few is over it however slow the machine.
  server = await Server.start({ args: ['--rate-limit', '1'] });
});
after(async () => {
  await server.remove();
});

/** Makes requests at once; answers those that were refused. */
async function burst(key: string, make: (key: string) => Promise<Answer>): Promise<Answer[]> {
  const answers = await Promise.all(Array.from({ length: 20 }, async () => await make(key)));
  const refusals = answers.filter(({ status }) => status === 429);
  assert.notEqual(refusals.length, 0);
  return refusals;
}

const list = async (key: string): Promise<Answer> =>
  await call(server, { path: '/v1/customers', key });

describe('past its rate', () => {
  test('a key is told to come again, in v1', async () => {
    for (const answer of await burst(TEST_KEY, list)) {
      assert.deepEqual(errorOf(answer), {
        code: 'rate_limit',
        message: 'Request rate limit exceeded: at most 1 a second with one key.',
        type: 'invalid_request_error',
      });
      assert.equal(answer.headers['stripe-rate-limited-reason'], 'global-rate');
      assert.equal(answer.headers['stripe-should-retry'], 'true');
      assert.equal(answer.headers['retry-after'], '1');
    }
  });

  test('and in v2; what was refused changed nothing and can be sent again', async () => {
    const body = { event_name: 'none', payload: {} };
    const send = async (key: string) => await postJson(server, { path: V2_EVENTS, body, key });
    for (const answer of await burst(LIVE_KEY, send)) {
      const { code, type } = v2ErrorOf(answer);
      assert.deepEqual({ code, type }, { code: 'rate_limit', type: 'rate_limit' });
      assert.equal(answer.headers['stripe-rate-limited-reason'], 'global-rate');
    }
  });

  test('a key has a rate of its own, which it shares with its sessions', async () => {
    const key = await createKey(server.folder);
    await burst(TEST_KEY, list);
    // Which spent nothing of this one's.
    const token = await openStream(server, key);
    const stream = async (door: string) => await postStream(server, door, []);
    const [first] = await burst(token, stream);
    assert.equal(first?.headers['stripe-rate-limited-reason'], 'global-rate');
  });

  for (const line of SDK_LINES) {
    test(`an SDK that retries waits and gets through, ${line.name}`, async () => {
      const key = await createKey(server.folder);
      const impatient = newClient(server, { line, key, maxNetworkRetries: 0 });
      const calls = Array.from({ length: 20 }, async () => await impatient.customers.list());
      const settled = await Promise.allSettled(calls);
      const failed = settled.find((result) => result.status === 'rejected');
      const expected = { type: 'StripeRateLimitError', status: 429, code: 'rate_limit' } as const;
      await refused(Promise.reject(failed?.reason as Error), expected, line);
      const patient = newClient(server, { line, key, maxNetworkRetries: 5 });
      assert.deepEqual((await patient.customers.list()).data, []);
    });
  }
});

test('without the flag there is none', async () => {
  const own = await Server.start();
  try {
    const calls = Array.from({ length: 300 }, async () => {
      return (await call(own, { path: '/v1/customers' })).status;
    });
    assert.deepEqual(new Set(await Promise.all(calls)), new Set([200]));
  } finally {
    await own.remove();
  }
});
