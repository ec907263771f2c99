import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { freePort } from '../support/free-port.ts';
import { call, toForm } from '../support/http.ts';
import { newClient } from '../support/sdk.ts';
import { newFolder, removeFolder, REPO, runCli, Server, TEST_KEY } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { until } from '../support/wait.ts';

let folder: string;
before(() => {
  folder = newFolder();
});
after(() => {
  removeFolder(folder);
});

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** Starts a server that must refuse to: one line on stderr, a non-zero exit, no promise of listening. */
async function assertRefuses(
  args: readonly string[],
  says: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const exit = await runCli(['serve', ...args], { env });
  assert.ok(exit.code !== null && exit.code !== 0, `exit code ${exit.code}\n${exit.stdout}`);
  assert.equal(lines(exit.stderr).length, 1, exit.stderr);
  assert.match(exit.stderr, says);
  assert.doesNotMatch(exit.stdout, /listening/u);
}

describe('starting', () => {
  test('one line with the address; the folder is made', async () => {
    const data = join(folder, 'made', 'deep');
    const server = await Server.start({ bare: true, args: ['--port', '0', '--data', data] });
    assert.match(server.stdout, /^Taximeter is listening on http:\/\/127\.0\.0\.1:\d+\n$/u);
    assert.ok(existsSync(data));
    assert.equal((await server.stop()).code, 0);
    await server.remove();
  });

  test('a new folder without keys: one test key, printed once, before the address', async () => {
    const server = await Server.start({ keys: null });
    try {
      const [keyLine = '', listening = '', ...rest] = lines(server.stdout);
      assert.deepEqual(rest, []);
      assert.match(listening, /^Taximeter is listening on http:\/\/127\.0\.0\.1:\d+$/u);
      const secrets = keyLine.match(/sk_test_[0-9A-Za-z]{16,}/gu) ?? [];
      assert.equal(secrets.length, 1);
      const key = secrets[0] ?? '';
      const meter = await createMeter(newClient(server, { key }));
      assert.equal((await server.stop()).code, 0);
      await server.restart();
      assert.equal(lines(server.stdout).length, 1, 'not printed again');
      const again = await newClient(server, { key }).billing.meters.retrieve(meter.id);
      assert.deepEqual(again, meter);
    } finally {
      await server.remove();
    }
  });

  test('flags and their environment twins; flags win', async () => {
    const data = join(folder, 'twins');
    const port = await freePort();
    const fromEnv = await Server.start({
      bare: true,
      env: { TAXIMETER_PORT: String(port), TAXIMETER_HOST: '127.0.0.1', TAXIMETER_DATA: data },
    });
    assert.equal(fromEnv.url, `http://127.0.0.1:${port}`);
    const meter = await createMeter(newClient(fromEnv));
    assert.equal((await fromEnv.stop()).code, 0);
    await fromEnv.remove();

    const flags = await Server.start({
      bare: true,
      args: ['--data', data, `--port=${await freePort()}`],
      env: { TAXIMETER_PORT: '1', TAXIMETER_DATA: join(folder, 'not this') },
    });
    assert.deepEqual(await newClient(flags).billing.meters.retrieve(meter.id), meter);
    assert.equal(existsSync(join(folder, 'not this')), false);
    assert.equal((await flags.stop()).code, 0);
    await flags.remove();
  });

  test('--host decides who can reach it', async (t) => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
    if (outside === undefined) {
      t.skip('this machine has no address besides loopback');
      return;
    }
    const inside = await Server.start();
    await assert.rejects(call({ url: `http://${outside}:${inside.port}` }, { path: '/healthz' }));
    await inside.remove();
    const open = await Server.start({ args: ['--host', '0.0.0.0'] });
    const answer = await call({ url: `http://${outside}:${open.port}` }, { path: '/healthz' });
    assert.equal(answer.status, 200);
    assert.match(open.stderr, /"level":"warn",.*"message":"Listening on 0\.0\.0\.0 without TLS/u);
    assert.doesNotMatch(inside.stderr, /without TLS/u);
    await open.remove();
  });

  test('package.json names it taximeter, and npm start serves with the flags passed on', () => {
    const manifest = JSON.parse(readFileSync(join(REPO, 'package.json'), 'utf8')) as {
      readonly bin: Readonly<Record<string, string>>;
      readonly scripts: Readonly<Record<string, string>>;
    };
    const bin = manifest.bin['taximeter'];
    assert.ok(bin !== undefined && readFileSync(join(REPO, bin), 'utf8').startsWith('#!'));
    assert.match(manifest.scripts['start'] ?? '', /main\.ts serve$/u);
  });
});

describe('refusing to start', () => {
  test('a Node with known holes', async () => {
    const old = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'24.14.0'})`;
    const env = { NODE_OPTIONS: `--import=${old}` };
    const exit = await runCli(['serve', '--port', '0', '--data', join(folder, 'old')], { env });
    assert.equal(exit.code, 1);
    assert.match(exit.stderr, /^Node 24\.14\.0 has known holes .* 24\.14\.1 or later.*\n$/u);
    assert.equal(existsSync(join(folder, 'old')), false);
  });

  test('a port in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { readonly port: number };
    const args = ['--port', String(port), '--data', join(folder, 'port')];
    await assertRefuses(args, new RegExp(String(port), 'u'));
    taken.close();
  });

  test('a folder that cannot be made or written', async () => {
    const file = join(folder, 'a file');
    writeFileSync(file, '');
    await assertRefuses(['--port', '0', '--data', file], /a file/u);
    await assertRefuses(['--port', '0', '--data', join(file, 'below')], /a file/u);
  });

  test('a read-only folder', async (t) => {
    if (process.getuid?.() === 0) {
      t.skip('root may write anywhere');
      return;
    }
    const data = join(folder, 'read-only');
    mkdirSync(data, { mode: 0o500 });
    await assertRefuses(['--port', '0', '--data', data], /read-only/u);
  });

  test('a folder that another process holds', async () => {
    const server = await Server.start();
    try {
      await assertRefuses(['--port', '0', '--data', server.folder], /\S/u);
      assert.equal((await call(server, { path: '/v1/customers' })).status, 200);
    } finally {
      await server.remove();
    }
  });

  test('a folder that was held by a killed process is free again', async () => {
    const server = await Server.start();
    await server.kill();
    await server.restart();
    assert.equal((await call(server, { path: '/readyz', key: null })).status, 200);
    await server.remove();
  });

  test('a folder made by a newer version', async () => {
    const server = await Server.start();
    try {
      await createMeter(newClient(server));
      await server.stop();
      const raised = databasesIn(server.folder).filter((path) => raiseVersion(path));
      assert.notEqual(raised.length, 0, 'no database of the folder has a version');
      await assertRefuses(['--port', '0', '--data', server.folder], /newer|version/iu);
    } finally {
      await server.remove();
    }
  });

  const wrong: readonly (readonly string[])[] = [
    ['--nope'],
    ['--port', 'http'],
    ['--port', '70000'],
    ['--customers', 'some'],
    ['--past-days', '-1'],
    ['--cancel-window-hours', 'day'],
    ['--identifier-window-days', '0.x'],
    ['--session-minutes', '0'],
    ['--session-minutes', '1441'],
    ['--stream-events-max', '10001'],
    ['--connections-max', '0'],
    ['--keep-alive-seconds', '0'],
  ];
  for (const args of wrong) {
    test(`the flags ${args.join(' ')}`, async () => {
      const name = args[0] ?? '';
      const data = ['--data', join(folder, 'flags')];
      await assertRefuses([...data, ...args], new RegExp(name.replace('--', '(?:--)?'), 'u'));
    });
  }

  test('a wrong value in the environment names the variable or the flag', async () => {
    const env = { TAXIMETER_PORT: 'http', TAXIMETER_DATA: join(folder, 'env') };
    await assertRefuses([], /TAXIMETER_PORT|--port/u, env);
  });

  test('an unknown command', async () => {
    const exit = await runCli(['fly']);
    assert.notEqual(exit.code, 0);
    assert.match(exit.stderr, /fly/u);
  });
});

/** Less than any connection may be idle or slow: a stop that waits for one is killed. Much more than a stop takes. */
const STOPS_SOON = ['--stop-seconds', '9'];

describe('stopping', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal}: what was accepted is kept, exit 0`, async () => {
      const server = await Server.start();
      try {
        const meter = await createMeter(newClient(server), { formula: 'count' });
        let accepted = 0;
        let unknown = 0;
        const lane = async (): Promise<void> => {
          for (;;) {
            const status = await call(server, {
              path: '/v1/billing/meter_events',
              body: toForm({
                event_name: meter.event_name,
                'payload[stripe_customer_id]': 'c',
                timestamp: dayStart(1),
              }),
            }).then(
              (answer) => answer.status,
              () => 'no answer' as const,
            );
            if (status === 'no answer') {
              unknown += 1;
              return;
            }
            if (status !== 200) return;
            accepted += 1;
          }
        };
        const lanes = Promise.all(Array.from({ length: 8 }, lane));
        await until('some are accepted', () => accepted >= 200);
        const exit = await server.stop(signal);
        await lanes;
        assert.equal(exit.code, 0, exit.stderr);
        await server.restart();
        const range = { start_time: dayStart(1), end_time: dayStart(0) };
        const counted = Number(await total(server, { meter: meter.id, customer: 'c', ...range }));
        assert.ok(counted >= accepted, `${counted} of ${accepted}`);
        assert.ok(counted <= accepted + unknown);
      } finally {
        await server.remove();
      }
    });
  }

  test('idle keep-alive connections do not delay it', async () => {
    const server = await Server.start({ args: STOPS_SOON });
    await call(server, { path: '/healthz', key: null });
    assert.equal((await server.stop()).code, 0);
    await server.remove();
  });

  for (const [what, sent] of [
    ['that says nothing', ''],
    ['with half a header', 'POST /v1/customers HTTP/1.1\r\nHost: x\r\n'],
    ['with half a body', 'POST /v1/customers HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nname'],
  ] as const) {
    test(`a connection ${what} does not hold it up`, async () => {
      const server = await Server.start({ args: STOPS_SOON });
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(sent);
      assert.equal((await server.stop()).code, 0);
      socket.destroy();
      await server.remove();
    });
  }
});

test('output that nobody reads any more does not end the server', async () => {
  const folder = newFolder();
  const args = ['src/main.ts', 'serve', '--port', '0', '--data', folder];
  const env = { ...process.env, TAXIMETER_SECRET_KEY: TEST_KEY };
  const child = spawn(process.execPath, args, {
    cwd: REPO,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const url = /http:\S+/u.exec(line.toString())?.[0] ?? '';
  child.stdout.destroy();
  child.stderr.destroy();
  const held = new Database(join(folder, 'catalog.db'));
  // A catalog without its table is a request that fails, and a line about it.
  held.exec('DROP TABLE customers');
  held.close();
  for (let time = 0; time < 3; time += 1) {
    const answer = await call({ url }, { path: '/v1/customers', body: 'name=x' });
    assert.equal(answer.status, 500);
  }
  assert.equal((await call({ url }, { path: '/healthz', key: null })).status, 200);
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
  removeFolder(folder);
});

describe('folders that are only read', () => {
  test('must exist: a mistyped one is refused, and not made', async () => {
    const folder = join(newFolder(), 'typo');
    for (const args of [['audit'], ['keys', 'list'], ['keys', 'revoke', 'key_1']]) {
      const { code, stderr } = await runCli([...args, '--data', folder]);
      assert.notEqual(code, 0);
      assert.match(stderr, /There is no data folder at/u);
      assert.ok(!existsSync(folder));
    }
  });
});

describe('audit', () => {
  test('a stopped folder is audited: one line with the counts, exit 0, nothing changed', async () => {
    const server = await Server.start();
    try {
      const client = newClient(server);
      const meter = await createMeter(client);
      for (let n = 0; n < 20; n++) {
        const timestamp = dayStart(1) + n * 3000;
        await sendEvent(client, meter, { customer: `c${n % 3}`, value: '0.1', timestamp });
      }
      const query = { meter: meter.id, customer: 'c0', start_time: dayStart(1) };
      const sum = async (): Promise<string> =>
        await total(server, { ...query, end_time: dayStart(1) + DAY_S });
      const before = await sum();
      await server.stop();
      const exit = await runCli(['audit', '--data', server.folder]);
      assert.equal(exit.code, 0, exit.stderr);
      assert.equal(lines(exit.stdout).length, 1, exit.stdout);
      assert.match(exit.stdout, /\b20\b/u);
      await server.restart();
      assert.equal(await sum(), before);
      const busy = await runCli(['audit', '--data', server.folder]);
      assert.notEqual(busy.code, 0, 'not while a server holds the folder');
    } finally {
      await server.remove();
    }
  });
});

function databasesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).subarray(0, 15).toString('latin1') === 'SQLite format 3');
}

/** Writes a version from the future; false when the database does not keep one. */
function raiseVersion(path: string): boolean {
  const database = new Database(path);
  try {
    if (Number(database.pragma('user_version', { simple: true })) === 0) return false;
    database.pragma('user_version = 9999');
    return true;
  } finally {
    database.close();
  }
}
