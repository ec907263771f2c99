/** Restricted keys, expiry, last use and revoking, as operators and SDK users meet them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call } from '../support/http.ts';
import { createKey, keyIds, keys } from '../support/keys.ts';
import { newClient, refused, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { Server, TEST_KEY } from '../support/server.ts';
import { openStream, postStream } from '../support/stream.ts';
import { DAY_S, dayStart, nowMs } from '../support/times.ts';
import { v2ErrorOf, v2Event } from '../support/v2.ts';

let server: Server;
let meter: Stripe.Billing.Meter;
before(async () => {
  server = await Server.start();
  meter = await createMeter(newClient(server));
});
after(async () => {
  await server.remove();
});

async function statusWith(key: string, origin: Server = server): Promise<number> {
  return (await call(origin, { path: '/v1/customers', key })).status;
}

/** The cells of `keys list`, by heading. */
async function listed(folder: string): Promise<Readonly<Record<string, string>>[]> {
  const exit = await keys(folder, 'list');
  assert.equal(exit.code, 0, exit.stderr);
  const [headings = [], ...rows] = exit.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/u));
  return rows.map((row) => Object.fromEntries(row.map((cell, n) => [headings[n] ?? n, cell])));
}

for (const line of SDK_LINES) {
  test(`a key that may only send does nothing else, ${line.name}`, async () => {
    const key = await createKey(server.folder, '--restricted', '--scope', 'events.write');
    assert.match(key, /^rk_test_/u);
    const client = newClient(server, { line, key });
    const event = { customer: 'c', value: '2', timestamp: dayStart(1) };
    assert.equal((await sendEvent(client, meter, event)).livemode, false);
    const token = await openStream(server, key);
    assert.equal((await postStream(server, token, [v2Event(meter)])).status, 200);

    const denied = { type: 'StripePermissionError', status: 403, code: null } as const;
    const says = (scope: string): RegExp =>
      new RegExp(
        `^The provided key 'rk_test_\\*{4}${key.slice(-4)}' does not have the required permissions for this ` +
          `endpoint on account 'acct_\\w+'\\. Having the '${scope}' permission would allow`,
        'u',
      );
    const range = { start_time: dayStart(1), end_time: dayStart(0) };
    const read = client.billing.meters.listEventSummaries(meter.id, { customer: 'c', ...range });
    await refused(read, { ...denied, message: says('usage\\.read') }, line);
    const retrieve = client.billing.meters.retrieve(meter.id);
    await refused(retrieve, { ...denied, message: says('meters\\.read') }, line);
    const cancel = client.billing.meterEventAdjustments.create({
      type: 'cancel',
      event_name: meter.event_name,
      cancel: { identifier: 'x' },
    });
    await refused(cancel, { ...denied, message: says('adjustments\\.write') }, line);
  });

  test(`a key that may only read usage does not send, ${line.name}`, async () => {
    const key = await createKey(server.folder, '--live', '--restricted', '--scope=usage.read');
    assert.match(key, /^rk_live_/u);
    const client = newClient(server, { line, key });
    const denied = { type: 'StripePermissionError', status: 403 } as const;
    const payload = { stripe_customer_id: 'c', value: '1' };
    const event = { event_name: meter.event_name, payload };
    await refused(client.billing.meterEvents.create(event), { ...denied, code: null }, line);
    await refused(
      client.v2.billing.meterEventSession.create(),
      { ...denied, code: 'permission_missing' },
      line,
    );
  });
}

describe('revoking', () => {
  test('when the command returns, the key opens nothing any more, nor do its sessions', async () => {
    // Several times: a server that lags a little is caught by most of them.
    for (let time = 0; time < 3; time++) {
      const key = await createKey(server.folder);
      const [id = ''] = await keyIds(server.folder);
      const token = await openStream(server, key);
      const send = async () => await postStream(server, token, [v2Event(meter)]);
      assert.equal((await send()).status, 200);
      assert.equal(await statusWith(key), 200);
      const revoking = keys(server.folder, 'revoke', id);
      let returned = false;
      void revoking.then(() => (returned = true));
      // A key in use is not looked up anew each time.
      while (!returned) await statusWith(key);
      assert.equal((await revoking).code, 0);
      const orphaned = await send();
      assert.equal(await statusWith(key), 401);
      assert.equal(orphaned.status, 401, orphaned.text);
      const { code, message } = v2ErrorOf(orphaned);
      assert.equal(code, 'session_invalid');
      assert.match(message, /^The key that opened this session has been revoked/u);
    }
    assert.equal(await statusWith(TEST_KEY), 200);
  });

  test('a key that leaves the environment takes its sessions along', async () => {
    const own = await Server.start();
    try {
      const token = await openStream(own);
      const send = async () => await postStream(own, token, []);
      assert.equal((await send()).status, 200);
      await own.stop();
      await own.restart({ keys: `${TEST_KEY}x` });
      assert.equal((await send()).status, 401);
      await own.stop();
      await own.restart({});
      assert.equal((await send()).status, 200, 'and brings them back');
    } finally {
      await own.remove();
    }
  });
});

test('a key expires on its day, and no session outlives it', async () => {
  const own = await Server.start({ args: ['--session-minutes', '1440'] });
  try {
    const beforeMs = nowMs();
    const key = await createKey(own.folder, '--expires-in-days', '1');
    const afterMs = nowMs();
    const { expires_at } = await newClient(own, { key }).v2.billing.meterEventSession.create();
    const [row] = await listed(own.folder);
    assert.equal(row?.['EXPIRES'], expires_at);
    const madeMs = Date.parse(expires_at) - DAY_S * 1000;
    assert.ok(madeMs >= beforeMs && madeMs <= afterMs, expires_at);
    await own.stop();
    await own.restart({ clockShiftS: DAY_S + 1 });
    for (const line of SDK_LINES) {
      await refused(
        newClient(own, { line, key }).customers.list(),
        {
          type: 'StripeAuthenticationError',
          status: 401,
          code: 'api_key_expired',
          message: `Expired API Key provided: sk_test_****${key.slice(-4)}`,
        },
        line,
      );
    }
  } finally {
    await own.remove();
  }
});

test('keys list tells what each may do, until when, when it was used, and no secret', async () => {
  const own = await Server.start();
  try {
    const scopes = ['--restricted', '--scope', 'usage.read,events.write'];
    const names = ['--name', 'edge in Köln', '--account', 'acct_edge'];
    const key = await createKey(own.folder, ...scopes, ...names, '--expires-in-days', '30');
    const unused = await createKey(own.folder, '--live');
    const beforeMs = nowMs();
    await openStream(own, key);
    const afterMs = nowMs();
    await own.stop();
    const [second, first] = await listed(own.folder);
    assert.deepEqual(
      [first?.['ACCOUNT'], first?.['MODE'], first?.['KEY'], first?.['STATE'], first?.['SCOPES']],
      ['acct_edge', 'test', `rk_test_****${key.slice(-4)}`, 'active', 'events.write,usage.read'],
    );
    assert.equal(first?.['NAME'], 'edge in Köln');
    const usedMs = Date.parse(first?.['LAST USED'] ?? '');
    assert.ok(usedMs >= beforeMs && usedMs <= afterMs, first?.['LAST USED']);
    assert.deepEqual(
      [second?.['KEY'], second?.['EXPIRES'], second?.['LAST USED'], second?.['SCOPES']],
      [`sk_live_****${unused.slice(-4)}`, 'never', 'never', 'all'],
    );
    await keys(own.folder, 'revoke', first?.['ID'] ?? '');
    assert.deepEqual(
      (await listed(own.folder)).map((row) => row['STATE']),
      ['active', 'revoked'],
    );
  } finally {
    await own.remove();
  }
});

describe('a key that cannot be made', () => {
  const wrong: readonly (readonly [flags: readonly string[], says: RegExp])[] = [
    [['--restricted'], /--restricted and --scope go together\. Scopes.*events\.write/u],
    [['--scope', 'events.write'], /--restricted and --scope go together/u],
    [['--restricted', '--scope', 'events.write,all'], /--scope does not know 'all'/u],
    [['--restricted', '--scope', ''], /--scope does not know ''/u],
    [['--expires-in-days', '0'], /--expires-in-days is a whole number from 1/u],
    [['--expires-in-days', '1.5'], /--expires-in-days/u],
    [['--name', 'a\nb'], /--name/u],
    [['--name', ''], /--name/u],
    [['--name', 'x'.repeat(101)], /--name/u],
    [['--account', 'mine'], /--account/u],
  ];
  for (const [flags, says] of wrong) {
    test(`${JSON.stringify(flags)}: one line says why, and there is none`, async () => {
      const before = await keyIds(server.folder);
      const exit = await keys(server.folder, 'create', ...flags);
      assert.notEqual(exit.code, 0);
      assert.equal(exit.stdout, '');
      assert.match(exit.stderr, says);
      assert.equal(exit.stderr.trimEnd().split('\n').length, 1, exit.stderr);
      assert.deepEqual(await keyIds(server.folder), before);
    });
  }
});

test('a key of the environment has 128 bits at least, and is not repeated in the refusal', async () => {
  for (const key of [
    'sk_test_tooshort',
    `sk_test_${'x'.repeat(21)}`,
    `rk_test_${'x'.repeat(32)}`,
  ]) {
    await assert.rejects(Server.start({ keys: `${TEST_KEY},${key}` }), (error: Error) => {
      assert.match(error.message, /TAXIMETER_SECRET_KEY takes keys such as/u);
      assert.ok(!error.message.includes(key) && !error.message.includes(TEST_KEY));
      return true;
    });
  }
});
