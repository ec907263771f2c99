/** The log of a running server: what an operator and his tools read on stderr. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import { newFolder, removeFolder, Server, TEST_KEY } from '../support/server.ts';
import { openStream } from '../support/stream.ts';
import { inParallel } from '../support/wait.ts';

type Line = Readonly<Record<string, unknown>>;

/** Every line of it is one JSON object, with a time and a level. */
function linesOf(stderr: string): Line[] {
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((text) => {
      const line = JSON.parse(text) as Line;
      assert.ok(['debug', 'info', 'warn', 'error'].includes(String(line['level'])), text);
      assert.match(String(line['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u);
      assert.equal(typeof line['message'], 'string');
      return line;
    });
}

/** A catalog without its table is a request that fails. */
function breakCustomers(server: Server): void {
  const catalog = new Database(join(server.folder, 'catalog.db'));
  catalog.exec('DROP TABLE customers');
  catalog.close();
}

describe('by level', () => {
  test('info: start and stop, and what went wrong with the id of the request; no request by itself', async () => {
    const server = await Server.start();
    try {
      const client = newClient(server);
      await sendEvent(client, await createMeter(client), { customer: 'c' });
      breakCustomers(server);
      const failed = await call(server, { path: '/v1/customers', body: 'name=x' });
      assert.equal(failed.status, 500);
      const lines = linesOf((await server.stop()).stderr);
      assert.deepEqual(
        lines.map(({ level }) => level),
        ['info', 'error', 'info', 'info'],
      );
      const [started, error] = lines;
      assert.equal(started?.['url'], server.url);
      assert.equal(error!['requestId'], failed.headers['request-id']);
      const { message, stack } = error!['err'] as Line;
      assert.match(String(message), /no such table/u);
      assert.match(String(stack), /\.ts:\d+/u);
    } finally {
      await server.remove();
    }
  });

  test('debug: each request, with its id, route and status, and nothing that it carried', async () => {
    const server = await Server.start({ args: ['--log-level', 'debug'] });
    try {
      const canary = unique('canary');
      const answer = await call(server, { path: `/v1/customers/${canary}?expand[]=${canary}` });
      const lost = await call(server, { path: `/v1/${canary}` });
      const lines = linesOf((await server.stop()).stderr);
      const of = ({ headers }: typeof answer): Line | undefined =>
        lines.find(({ requestId }) => requestId === headers['request-id']);
      assert.equal(of(answer)?.['route'], '/v1/customers/:id');
      assert.equal(of(answer)?.['status'], answer.status);
      assert.equal(of(lost)?.['status'], 404);
      assert.ok(!server.stderr.includes(canary));
    } finally {
      await server.remove();
    }
  });

  test('silent: nothing', async () => {
    const server = await Server.start({ env: { TAXIMETER_LOG_LEVEL: 'silent' } });
    breakCustomers(server);
    assert.equal((await call(server, { path: '/v1/customers', body: 'name=x' })).status, 500);
    assert.equal((await server.stop()).stderr, '');
    await server.remove();
  });
});

test('a secret is in no line, wherever it came; the first key is on stdout alone', async () => {
  const server = await Server.start({ args: ['--log-level', 'debug'], keys: null });
  try {
    const key = /sk_test_\w+/u.exec(server.stdout)?.[0] ?? assert.fail(server.stdout);
    const token = await openStream(server, key);
    breakCustomers(server);
    for (const secret of [key, token, TEST_KEY]) {
      const path = `/v1/customers/${secret}?x=${secret}`;
      await call(server, { path, key, headers: { 'idempotency-key': secret } });
      await call(server, { path: '/v1/customers', body: { name: secret }, key });
      await call(server, { path: `/${secret}`, key: secret, body: secret });
      await call(server, { path: '/v2/billing/meter_event_stream', body: secret, key: token });
    }
    const { stderr } = await server.stop();
    assert.ok(linesOf(stderr).some(({ level }) => level === 'error'));
    for (const secret of [key, token, TEST_KEY]) assert.ok(!stderr.includes(secret), secret);
  } finally {
    await server.remove();
  }
});

/** Starts a server whose stderr is this, has it write more than any pipe or disk takes, and stops it. */
async function serveInto(stderr: 'pipe' | number): Promise<readonly unknown[]> {
  const folder = newFolder();
  const args = ['src/main.ts', 'serve', '--port', '0', '--data', folder, '--log-level', 'debug'];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, TAXIMETER_SECRET_KEY: TEST_KEY },
    stdio: ['ignore', 'pipe', stderr],
  });
  try {
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    const url = /http:\S+/u.exec(line.toString())?.[0] ?? '';
    const requests = Array.from({ length: 6000 }, () => ({ path: '/v1/none' }));
    await inParallel(requests, 8, async (request) => {
      assert.equal((await call({ url }, request)).status, 404);
    });
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    return (await exited) as readonly unknown[];
  } finally {
    child.kill('SIGKILL');
    removeFolder(folder);
  }
}

describe('a log that cannot be written holds up neither requests nor a stop', () => {
  test('a reader that hangs', async () => {
    assert.deepEqual(await serveInto('pipe'), [0, null]);
  });

  test('a disk without room', async (t) => {
    if (!existsSync('/dev/full')) {
      t.skip('this system has no /dev/full');
      return;
    }
    const full = openSync('/dev/full', 'w');
    assert.deepEqual(await serveInto(full), [0, null]);
    closeSync(full);
  });
});
