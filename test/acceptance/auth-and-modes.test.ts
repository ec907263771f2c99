import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cancelEvent, createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf } from '../support/http.ts';
import { createKey, keyIds, keys } from '../support/keys.ts';
import { unique } from '../support/random.ts';
import { newClient, refused, refused400, SDK_LINES } from '../support/sdk.ts';
import { LIVE_KEY, Server, TEST_KEY } from '../support/server.ts';
import { allSummaries, total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { until } from '../support/wait.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

const start = dayStart(1);
const range = { start_time: start, end_time: start + DAY_S };
const basic = (user: string, password = ''): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

async function statusWith(origin: Server, authorization: string): Promise<number> {
  const headers = { authorization };
  return (await call(origin, { path: '/v1/customers', key: null, headers })).status;
}

describe('keys on the wire', () => {
  test('Bearer and Basic, the scheme in any case', async () => {
    const good = [
      `Bearer ${TEST_KEY}`,
      `bearer ${TEST_KEY}`,
      basic(TEST_KEY),
      basic(TEST_KEY, 'whatever').replace('Basic', 'basic'),
    ];
    for (const authorization of good) {
      assert.equal(await statusWith(server, authorization), 200, authorization);
    }
  });

  test('a missing key is 401', async () => {
    const answer = await call(server, { path: '/v1/customers', key: null });
    assert.equal(answer.status, 401);
    const { type, message } = errorOf(answer);
    assert.equal(type, 'invalid_request_error');
    assert.ok(message.length > 0);
  });

  test('a wrong key is 401, and the message does not repeat it', async () => {
    const wrong = 'sk_test_wrongwrongwrongwrongwrong';
    const answer = await call(server, { path: '/v1/customers', key: wrong });
    assert.equal(answer.status, 401);
    const { type, message } = errorOf(answer);
    assert.equal(type, 'invalid_request_error');
    assert.match(message, /^Invalid API Key provided: sk_test_/u);
    assert.ok(!answer.text.includes(wrong));
  });

  test('what is no key is 401', async () => {
    const bad = [
      'Bearer',
      'Bearer ',
      'Basic',
      'Basic ????',
      basic('', TEST_KEY),
      `Token ${TEST_KEY}`,
      TEST_KEY,
      `Bearer ${TEST_KEY}x`,
      `Bearer ${TEST_KEY.slice(0, -1)}`,
      `Bearer ${TEST_KEY.toLowerCase()}`,
      `Bearer ${TEST_KEY.replace('test', 'live')}x`,
      `Bearer ${'x'.repeat(5000)}`,
    ];
    for (const authorization of bad) {
      assert.equal(await statusWith(server, authorization), 401, authorization);
    }
  });

  test('authentication comes before everything else under /v1', async () => {
    for (const path of ['/v1/customers?nope=1', '/v1/customers/none', '/v1/billing/meters']) {
      assert.equal((await call(server, { path, key: null })).status, 401);
    }
    const body = 'x'.repeat(100);
    assert.equal((await call(server, { path: '/v1/customers', body, key: null })).status, 401);
  });

  for (const line of SDK_LINES) {
    test(`a StripeAuthenticationError, ${line.name}`, async () => {
      const client = newClient(server, { line, key: 'sk_test_nobody0123456789abcdef' });
      const expected = { type: 'StripeAuthenticationError', status: 401 } as const;
      await refused(client.billing.meters.list(), expected, line);
      await refused(client.customers.create(), expected, line);
    });
  }

  test('health needs no key', async () => {
    for (const path of ['/healthz', '/readyz']) {
      assert.equal((await call(server, { path, key: null })).status, 200);
    }
  });
});

for (const line of SDK_LINES) {
  describe(`live and test mode, ${line.name}`, () => {
    const clients = () =>
      ({
        inTest: newClient(server, { line }),
        inLive: newClient(server, { line, key: LIVE_KEY }),
      }) as const;

    test('a test meter does not exist in live mode', async () => {
      const { inTest, inLive } = clients();
      const meter = await createMeter(inTest);
      const missing = {
        type: 'StripeInvalidRequestError',
        status: 404,
        code: 'resource_missing',
        param: 'id',
      } as const;
      const { meters } = inLive.billing;
      await refused(meters.retrieve(meter.id), missing, line);
      await refused(meters.update(meter.id, { display_name: 'x' }), missing, line);
      await refused(meters.deactivate(meter.id), missing, line);
      await refused(meters.reactivate(meter.id), missing, line);
      const query = { customer: 'c', ...range };
      await refused(meters.listEventSummaries(meter.id, query), missing, line);
      assert.deepEqual(await inTest.billing.meters.retrieve(meter.id), meter);
    });

    test('a test customer does not exist in live mode', async () => {
      const { inTest, inLive } = clients();
      const customer = await inTest.customers.create();
      const missing = {
        type: 'StripeInvalidRequestError',
        status: 404,
        code: 'resource_missing',
      } as const;
      await refused(inLive.customers.retrieve(customer.id), missing, line);
      await refused(inLive.customers.del(customer.id), missing, line);
      assert.deepEqual(await inTest.customers.retrieve(customer.id), customer);
      assert.equal((await inLive.customers.create()).livemode, true);
    });

    test('one event name, two meters; events, identifiers and cancels stay apart', async () => {
      const { inTest, inLive } = clients();
      const event_name = unique('both');
      const identifier = unique('id');
      const testMeter = await createMeter(inTest, { event_name });
      const payload = { stripe_customer_id: 'c', value: '1' };
      await refused400(
        inLive.billing.meterEvents.create({ event_name, payload }),
        { code: 'no_meter' },
        line,
      );
      const liveMeter = await createMeter(inLive, { event_name });
      assert.deepEqual([testMeter.livemode, liveMeter.livemode], [false, true]);
      const event = { customer: 'c', timestamp: start, identifier };
      assert.equal((await sendEvent(inTest, testMeter, { ...event, value: '2' })).livemode, false);
      assert.equal((await sendEvent(inLive, liveMeter, { ...event, value: '3' })).livemode, true);
      const cancelled = await cancelEvent(inLive, liveMeter, identifier);
      assert.equal(cancelled.livemode, true);
      const query = { customer: 'c', ...range };
      const inTestSum = await total(server, { meter: testMeter.id, ...query });
      const inLiveSum = await total(server, { meter: liveMeter.id, ...query, key: LIVE_KEY });
      assert.deepEqual([inTestSum, inLiveSum], ['2', '0']);
    });
  });
}

describe('accounts', () => {
  let otherKey: string;
  before(async () => {
    otherKey = await createKey(server.folder, '--account', 'acct_other');
    await until('the new key works', async () => {
      return (await call(server, { path: '/v1/customers', key: otherKey })).status === 200;
    });
  });

  test('are worlds of their own', async () => {
    const mine = newClient(server);
    const other = newClient(server, { key: otherKey });
    const event_name = unique('accounts');
    const identifier = unique('id');
    const myMeter = await createMeter(mine, { event_name });
    assert.deepEqual((await other.billing.meters.list()).data, []);
    assert.deepEqual((await other.customers.list()).data, []);
    await refused(other.billing.meters.retrieve(myMeter.id), {
      type: 'StripeInvalidRequestError',
      status: 404,
      code: 'resource_missing',
    });
    const otherMeter = await createMeter(other, { event_name });
    const event = { customer: 'c', timestamp: start, identifier };
    await sendEvent(mine, myMeter, { ...event, value: '2' });
    await sendEvent(other, otherMeter, { ...event, value: '3' });
    const rows = async (meter: string, key: string): Promise<readonly string[]> => {
      const query = { meter, customer: 'c', ...range, key };
      return (await allSummaries(server, query)).map((row) => row.aggregated_value);
    };
    assert.deepEqual(await rows(myMeter.id, TEST_KEY), ['2']);
    assert.deepEqual(await rows(otherMeter.id, otherKey), ['3']);
    const idempotencyKey = unique('key');
    const inMine = await mine.customers.create({ name: 'mine' }, { idempotencyKey });
    const inOther = await other.customers.create({ name: 'other' }, { idempotencyKey });
    assert.deepEqual([inMine.name, inOther.name], ['mine', 'other']);
  });

  for (const line of SDK_LINES) {
    test(`Stripe-Account: its own is fine, another one is 403, ${line.name}`, async () => {
      const own = newClient(server, { line, key: otherKey, stripeAccount: 'acct_other' });
      const customer = await own.customers.create();
      assert.equal(customer.lastResponse.stripeAccount, 'acct_other');
      const denied = {
        type: 'StripePermissionError',
        status: 403,
        code: 'account_invalid',
      } as const;
      const foreign = newClient(server, { line, key: otherKey, stripeAccount: 'acct_third' });
      await refused(foreign.customers.create(), denied, line);
      await refused(
        newClient(server, { line }).customers.create({}, { stripeAccount: 'acct_other' }),
        denied,
        line,
      );
    });
  }
});

describe('the keys command, while the server runs', () => {
  const worksNow = async (key: string): Promise<boolean> =>
    (await call(server, { path: '/v1/customers', key })).status === 200;

  test('create, list, revoke; a live key is live; a secret is shown once and stored nowhere', async () => {
    const idsBefore = await keyIds(server.folder);
    const testKey = await createKey(server.folder);
    assert.match(testKey, /^sk_test_/u);
    const liveKey = await createKey(server.folder, '--live');
    assert.match(liveKey, /^sk_live_/u);
    await until(
      'both keys work',
      async () => (await worksNow(testKey)) && (await worksNow(liveKey)),
    );
    assert.equal((await newClient(server, { key: testKey }).customers.create()).livemode, false);
    assert.equal((await newClient(server, { key: liveKey }).customers.create()).livemode, true);

    const listed = await keys(server.folder, 'list');
    assert.ok(!listed.stdout.includes(testKey) && !listed.stdout.includes(liveKey));
    const made = (await keyIds(server.folder)).filter((id) => !idsBefore.includes(id));
    assert.equal(made.length, 2);
    for (const secret of [testKey, liveKey]) assertStoredNowhere(server.folder, secret);

    for (const id of made) assert.equal((await keys(server.folder, 'revoke', id)).code, 0);
    await until('both keys are refused', async () => {
      return !(await worksNow(testKey)) && !(await worksNow(liveKey));
    });
    assert.equal(await worksNow(TEST_KEY), true);
  });

  test('revoking what is not there says so', async () => {
    const exit = await keys(server.folder, 'revoke', 'key_nothing');
    assert.notEqual(exit.code, 0);
    assert.match(exit.stderr, /key_nothing/u);
  });

  test('keys of the environment work, are stored nowhere and are not printed', () => {
    assert.ok(!server.stdout.includes(TEST_KEY) && !server.stderr.includes(TEST_KEY));
    assertStoredNowhere(server.folder, TEST_KEY);
    assertStoredNowhere(server.folder, LIVE_KEY);
  });
});

test('a key made before the first start works, and revoked ones stay revoked', async () => {
  const own = await Server.start({ keys: null });
  try {
    const [printed] = /sk_test_\w+/u.exec(own.stdout) ?? [''];
    const extra = await createKey(own.folder);
    const [first] = await keyIds(own.folder);
    assert.ok(first !== undefined);
    await keys(own.folder, 'revoke', first);
    await own.stop();
    await own.restart();
    const status = async (key: string): Promise<number> =>
      (await call(own, { path: '/v1/customers', key })).status;
    const statuses = [await status(printed), await status(extra)];
    assert.deepEqual(new Set(statuses), new Set([200, 401]));
  } finally {
    await own.remove();
  }
});

function assertStoredNowhere(folder: string, secret: string): void {
  const needle = Buffer.from(secret);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    assert.ok(!readFileSync(path).includes(needle), `${entry.name} holds a secret`);
  }
}
