/** Whoever tries keys is slowed down, and nobody else with him. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { call, errorOf, type Answer } from '../support/http.ts';
import { createKey } from '../support/keys.ts';
import { newClient, refused, SDK_LINES } from '../support/sdk.ts';
import { LIVE_KEY, Server, TEST_KEY } from '../support/server.ts';
import { openStream, postStream } from '../support/stream.ts';
import { v2ErrorOf } from '../support/v2.ts';

const WRONG = `sk_test_${'wrong'.repeat(6)}`;

async function ask(server: Server, key: string, from?: string): Promise<Answer> {
  const headers = from === undefined ? {} : { 'x-forwarded-for': from };
  return await call(server, { path: '/v1/customers', key, headers });
}

/** Tries wrong keys until the address is refused, after so many at most; answers how many it took. */
async function guess(server: Server, most: number, from?: string): Promise<number> {
  for (let n = 0; ; n++) {
    const { status } = await ask(server, WRONG + String(n), from);
    if (status === 429) return n;
    assert.equal(status, 401);
    assert.ok(n < most, `refused after ${most}`);
  }
}

describe('after too many wrong keys', () => {
  let server: Server;
  let token: string;
  before(async () => {
    server = await Server.start({ args: ['--auth-failures-max', '3'] });
    token = await openStream(server);
    assert.equal(await guess(server, 3), 3);
  });
  // The address may try again a minute after its first, which may have passed.
  beforeEach(async () => {
    await guess(server, 3);
  });
  after(async () => {
    await server.remove();
  });

  test('the address is told to come again later, whatever it brings: a right key too', async () => {
    const unused = await createKey(server.folder);
    await guess(server, 3);
    const answers = [WRONG, unused, LIVE_KEY].map(async (key) => await ask(server, key));
    const [wrong, ...right] = await Promise.all(answers);
    assert.ok(wrong);
    const waitS = Number(wrong.headers['retry-after']);
    assert.ok(Number.isInteger(waitS) && waitS >= 1 && waitS <= 60, String(waitS));
    assert.equal(wrong.headers['stripe-should-retry'], 'true');
    assert.deepEqual(errorOf(wrong), {
      code: 'rate_limit',
      message: 'Too many requests with invalid keys came from this address. Try again later.',
      type: 'invalid_request_error',
    });
    for (const { status, text } of right) assert.deepEqual([status, text], [429, wrong.text]);
  });

  test('a key that was used from there before goes on, and opens sessions that work', async () => {
    assert.equal((await ask(server, TEST_KEY)).status, 200);
    assert.equal((await postStream(server, token, [])).status, 200);
    assert.equal((await postStream(server, await openStream(server), [])).status, 200);
  });

  test('a token of nobody is refused the same way', async () => {
    const answer = await postStream(server, `token_${'x'.repeat(32)}`, []);
    assert.equal(answer.status, 429);
    assert.equal(v2ErrorOf(answer).type, 'rate_limit');
  });

  test('who brings no key is still told so', async () => {
    assert.equal((await call(server, { path: '/v1/customers', key: null })).status, 401);
  });

  for (const line of SDK_LINES) {
    test(`a StripeRateLimitError, ${line.name}`, async () => {
      const client = newClient(server, { line, key: WRONG, maxNetworkRetries: 0 });
      const expected = { type: 'StripeRateLimitError', status: 429, code: 'rate_limit' } as const;
      await refused(client.customers.list(), expected, line);
    });
  }
});

test('wrong tokens of the stream count as wrong keys do', async () => {
  const server = await Server.start({ args: ['--auth-failures-max', '2'] });
  try {
    for (const status of [401, 401, 429]) {
      assert.equal((await postStream(server, `token_${'x'.repeat(32)}`, [])).status, status);
    }
    assert.equal((await ask(server, WRONG)).status, 429);
  } finally {
    await server.remove();
  }
});

test('behind a proxy, each client has tries of its own, and cannot take those of others', async () => {
  const args = ['--auth-failures-max', '2', '--proxies', '1'];
  const server = await Server.start({ args });
  try {
    assert.equal(await guess(server, 2, '203.0.113.1'), 2);
    assert.equal((await ask(server, TEST_KEY, '203.0.113.1')).status, 429);
    assert.equal((await ask(server, TEST_KEY, '203.0.113.2')).status, 200);
    // What a client writes itself stands left of what the proxy adds.
    assert.equal((await ask(server, WRONG, '203.0.113.9, 203.0.113.1')).status, 429);
    assert.equal((await ask(server, TEST_KEY)).status, 200);
  } finally {
    await server.remove();
  }
});

test('without proxies, X-Forwarded-For changes nothing', async () => {
  const server = await Server.start({ args: ['--auth-failures-max', '2'] });
  try {
    assert.equal(await guess(server, 2, '203.0.113.1'), 2);
    assert.equal((await ask(server, WRONG, '203.0.113.2')).status, 429);
  } finally {
    await server.remove();
  }
});

test('30 wrong keys in a minute, unless it is said otherwise', async () => {
  const server = await Server.start();
  try {
    assert.equal(await guess(server, 30), 30);
    await server.stop();
    await server.restart({ env: { TAXIMETER_AUTH_FAILURES_MAX: '0' } });
    for (let n = 0; n < 40; n++) assert.equal((await ask(server, WRONG)).status, 401);
  } finally {
    await server.remove();
  }
});
