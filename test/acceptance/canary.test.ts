/**
 * Secrets as canaries: keys and tokens of every kind go through all that the process does, well and badly, and are
 * then looked for in all that it wrote: every file of the folder, stdout, stderr, and every byte of every answer. Each
 * may be where it is shown once, and nowhere else.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { createMeter } from '../support/fixtures.ts';
import { createKey, keyIds, keys } from '../support/keys.ts';
import { unique } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import { runCli, Server, type Exit } from '../support/server.ts';
import { openStream } from '../support/stream.ts';
import { until } from '../support/wait.ts';

const ENV_KEY = `sk_test_${'c4n4ry'.repeat(4)}env`;
/** Right keys, by what they are; filled as they are made. */
const canaries = new Map<string, string>([
  ['of the environment', ENV_KEY],
  ['wrong', `sk_live_${'c4n4ry'.repeat(5)}wr`],
  ['wrong and restricted', `rk_test_${'c4n4ry'.repeat(5)}wr`],
  ['wrong token', `token_${'c4n4ry'.repeat(5)}wr`],
]);
const answers: string[] = [];
const outputs: Exit[] = [];
let server: Server;

before(async () => {
  const args = ['--auth-failures-max', '200'];
  server = await Server.start({ keys: ENV_KEY, args });
});
after(async () => {
  await server.remove();
});

/** One request as bytes, on a connection of its own; keeps the whole answer, headers and all. */
async function send(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body = '',
): Promise<void> {
  const socket = connect(server.port, server.host);
  socket.setEncoding('latin1');
  let answer = '';
  socket.on('data', (text: string) => (answer += text));
  const closed = once(socket, 'close');
  const lines = Object.entries({
    host: 'x',
    connection: 'close',
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
  });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`);
  await closed;
  assert.match(answer, /^HTTP\/1\.1 \d{3} /u, `${method} ${path}`);
  answers.push(answer);
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const JSON_TYPE = { 'content-type': 'application/json' };

/** Everything that a client may do with a secret: use it well, badly, and in the wrong field. */
async function useEverywhere(secret: string, meter: string, eventName: string): Promise<void> {
  const bearer = { authorization: `Bearer ${secret}` };
  const basic = { authorization: `Basic ${Buffer.from(`${secret}:`).toString('base64')}` };
  const environment = { authorization: `Bearer ${ENV_KEY}` };
  const event = `event_name=${eventName}&payload[stripe_customer_id]=c&payload[value]=1`;
  const v2Event = { event_name: eventName, payload: { stripe_customer_id: 'c', value: '1' } };
  const range = 'customer=c&start_time=0&end_time=60';
  for (const auth of [
    bearer,
    basic,
    { authorization: secret },
    { authorization: `Digest ${secret}` },
  ]) {
    await send('GET', '/v1/customers', auth);
    await send('POST', '/v1/customers', { ...auth, ...FORM, 'idempotency-key': unique('k') });
    await send('POST', '/v1/billing/meter_events', { ...auth, ...FORM }, event);
    await send('POST', '/v1/billing/meter_events', { ...auth, ...FORM }, 'event_name=%zz');
    await send('GET', `/v1/billing/meters/${meter}/event_summaries?${range}`, auth);
    await send('POST', '/v2/billing/meter_events', { ...auth, ...JSON_TYPE }, '{"event_name":');
    const stream = JSON.stringify({ events: [v2Event, 1, { event_name: 'none' }] });
    const prefer = { prefer: 'return=representation' };
    await send(
      'POST',
      '/v2/billing/meter_event_stream',
      { ...auth, ...prefer, ...JSON_TYPE },
      stream,
    );
    await send('GET', '/v1/customers', { ...auth, 'stripe-account': 'acct_other' });
    await send('GET', '/v1/nowhere', auth);
    for (const path of ['/healthz', '/readyz', '/metrics']) await send('GET', path, auth);
    await send('GET', '/v1/customers', { ...auth, 'x-long': 'x'.repeat(20_000) });
    await send('BREW', '/v1/customers', auth);
  }
  // In the wrong field, by a client that may speak.
  await send('GET', `/v1/customers/${secret}`, environment);
  await send('GET', `/v1/customers?${secret}=1`, environment);
  await send('GET', `/v1/customers?limit=${secret}`, environment);
  await send('GET', `/${secret}`, environment);
  await send(
    'POST',
    '/v1/billing/meter_events',
    { ...environment, ...FORM },
    `event_name=${secret}`,
  );
  await send('POST', '/v2/billing/meter_events', { ...environment, ...JSON_TYPE }, secret);
  await send('POST', '/v1/customers', { ...environment, 'content-type': secret }, 'name=x');
}

/** Which files of the folder have which canaries. */
function found(): string[] {
  return readdirSync(server.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap(({ parentPath, name: file }) => {
      const bytes = readFileSync(join(parentPath, file));
      const held = [...canaries].filter(([, secret]) => bytes.includes(secret));
      return held.map(([name]) => `${file} has the key: ${name}`);
    });
}

test('no secret is in what the process writes, but once where it is shown', async (t) => {
  for (const [name, ...flags] of [
    ['secret', '--live', '--name', 'canary'],
    ['restricted', '--restricted', '--scope', 'events.write'],
    ['revoked'],
    ['expiring', '--expires-in-days', '1'],
  ] as const) {
    canaries.set(name, await createKey(server.folder, ...flags));
    if (name === 'revoked') {
      const [id = ''] = await keyIds(server.folder);
      outputs.push(await keys(server.folder, 'revoke', id));
    }
  }
  canaries.set('token', await openStream(server, ENV_KEY));
  const { id: meter, event_name } = await createMeter(newClient(server, { key: ENV_KEY }));
  for (const secret of canaries.values()) await useEverywhere(secret, meter, event_name);

  // Failures: a table that takes no row is a 500, and a line about it.
  const catalog = new Database(join(server.folder, 'catalog.db'));
  catalog.exec(
    "CREATE TRIGGER refuse BEFORE INSERT ON customers BEGIN SELECT RAISE(ABORT, 'refused'); END",
  );
  for (const secret of canaries.values()) {
    await send('POST', '/v1/customers', { authorization: `Bearer ${secret}` });
  }
  catalog.exec('DROP TRIGGER refuse');
  catalog.close();
  await until('a failure is logged', () => server.stderr.includes('A request failed.'));

  // While it runs, after a kill, and after an orderly stop.
  const held = found();
  outputs.push(await server.kill());
  held.push(...found());
  await server.restart();
  for (const secret of canaries.values()) await useEverywhere(secret, meter, event_name);
  outputs.push(await server.stop());
  held.push(...found());
  assert.deepEqual(held, []);

  // Operators mix things up too.
  outputs.push(await keys(server.folder, 'list'), await runCli(['audit', '--data', server.folder]));
  for (const name of ['secret', 'token']) {
    const secret = canaries.get(name) ?? '';
    outputs.push(await keys(server.folder, 'revoke', secret));
    outputs.push(await keys(server.folder, 'create', '--account', secret));
    outputs.push(await runCli(['serve', '--port', secret], { keys: `${secret}!` }));
  }

  const written = outputs.flatMap(({ stdout, stderr }) => [stdout, stderr]).join('\n');
  assert.match(written, /sk_test_\*{4}/u, 'what is scanned has keys in it, redacted');
  assert.match(answers.join('\n'), /Invalid API Key provided: sk_live_\*{4}c?\w{4}/u);
  for (const [name, secret] of canaries) {
    for (const form of [secret, Buffer.from(`${secret}:`).toString('base64')]) {
      assert.ok(!written.includes(form), `an output has the key: ${name}`);
      const answer = answers.find((text) => text.includes(form));
      assert.equal(answer, undefined, `an answer has the key: ${name}`);
    }
  }
  const statuses = new Set(answers.map((answer) => answer.slice(9, 12)));
  t.diagnostic(`${canaries.size} secrets, ${answers.length} answers: ${[...statuses].join(' ')}`);
  for (const status of ['200', '400', '401', '403', '404', '431', '500']) {
    assert.ok(statuses.has(status), `no answer was ${status}`);
  }
});
