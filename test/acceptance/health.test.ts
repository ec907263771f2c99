/** `/healthz` and `/readyz`: what a load balancer and a supervisor are told, and why. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { DiskFaults } from '../support/disk-faults.ts';
import { createMeter } from '../support/fixtures.ts';
import { freePort } from '../support/free-port.ts';
import { call, type Answer } from '../support/http.ts';
import { scrape } from '../support/metrics.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { newFolder, removeFolder, Server, TEST_KEY } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { until } from '../support/wait.ts';

type Health = { readonly status: string; readonly reason?: string };

function healthOf({ text }: Answer): Health {
  return JSON.parse(text) as Health;
}

async function ask(
  server: { readonly url: string },
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return await call(server, { path, key: null, headers });
}

test('both are 200 while it serves; while it starts, /readyz says so and calls wait', async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = Server.launch({ args: ['--port', String(port)] });
  try {
    const first: Answer[] = [];
    let early: Promise<Answer>[] = [];
    await until('it listens', async () => {
      early = [call({ url }, { path: '/v1/customers' }), call({ url }, { path: '/v1/no' })];
      for (const held of early) held.catch(() => undefined);
      const answers = ['/readyz', '/healthz'].map(async (path) => await ask({ url }, path));
      first.push(...(await Promise.all(answers).catch(() => [])));
      return first.length > 0;
    });
    const [ready, alive] = first as [Answer, Answer];
    assert.equal(ready.status, 503);
    assert.deepEqual(healthOf(ready), { status: 'unready', reason: 'starting' });
    assert.equal(alive.status, 200);
    await server.ready();
    assert.deepEqual(
      (await Promise.all(early)).map(({ status }) => status),
      [200, 404],
    );
    for (const path of ['/readyz', '/healthz']) {
      const answer = await ask(server, path);
      assert.deepEqual([answer.status, healthOf(answer)], [200, { status: 'ok' }]);
    }
  } finally {
    await server.remove();
  }
});

const tools = newFolder();
const faults = DiskFaults.in(tools);
const skip = faults === undefined ? 'needs Linux and a C compiler' : false;
after(() => removeFolder(tools));

describe('a slow disk', { skip }, () => {
  const timestamp = dayStart(1);
  let server: Server;
  let meter: Stripe.Billing.Meter;

  before(async () => {
    server = await Server.start({ args: ['--stuck-seconds', '1'], env: faults!.env });
    meter = await createMeter(newClient(server), { formula: 'count' });
  });
  after(async () => {
    faults?.end();
    await server.remove();
  });

  async function send(): Promise<Answer> {
    const event = { 'payload[stripe_customer_id]': 'c', 'payload[value]': 1, timestamp };
    const body = { event_name: meter.event_name, ...event };
    return await call(server, { path: '/v1/billing/meter_events', body });
  }

  test('a commit that takes longer than it may fails both, until it is done', async () => {
    faults!.stall();
    const sent = send();
    let answer = await ask(server, '/healthz');
    await until('it counts as stuck', async () => {
      answer = await ask(server, '/healthz');
      return answer.status !== 200;
    });
    assert.equal(answer.status, 503);
    const { status, reason } = healthOf(answer);
    assert.equal(status, 'stuck');
    assert.match(String(reason), /has not finished a commit for \d+ s/u);
    assert.equal((await ask(server, '/readyz')).status, 503);
    faults!.end();
    assert.equal((await sent).status, 200);
    for (const path of ['/healthz', '/readyz']) {
      assert.equal((await ask(server, path)).status, 200);
    }
  });

  test('stopped, it answers what comes on the connections that there are, and takes no others', async () => {
    faults!.stall();
    const half = await sendHalf(server);
    const sent = Array.from({ length: 20 }, send);
    await until('some are read', async () => {
      const { samples } = await scrape(server);
      return samples.get('taximeter_http_requests_in_flight')! >= 5;
    });
    const stopped = server.stop();
    const isRefused = async (): Promise<boolean> =>
      await ask(server, '/readyz', { connection: 'close' }).then(
        () => false,
        () => true,
      );
    await until('it is stopping', isRefused);
    // From here on a commit takes half a second.
    faults!.slow(500);
    assert.match(await half.finish(), /^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n/u);
    const answers = await Promise.all(sent.map(async (answer) => await answer.catch(() => null)));
    faults!.end();
    const accepted = answers.filter((answer) => answer?.status === 200).length;
    const unanswered = answers.filter((answer) => answer === null).length;
    assert.ok(accepted >= 5, `${accepted} were answered`);
    assert.equal(accepted + unanswered, 20, 'none was refused');
    assert.equal((await stopped).code, 0);
    await server.restart({});
    const query = { meter: meter.id, customer: 'c', start_time: timestamp };
    const counted = Number(await total(server, { ...query, end_time: timestamp + DAY_S }));
    // And the one of the test before.
    assert.ok(counted >= accepted + 1 && counted <= 21, `${counted} of ${accepted} are counted`);
  });
});

/** A request of which half the body has been sent. */
async function sendHalf(server: Server): Promise<{ readonly finish: () => Promise<string> }> {
  const socket = connect(server.port, server.host).setEncoding('utf8');
  await once(socket, 'connect');
  const head = `POST /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TEST_KEY}\r\n`;
  socket.write(`${head}Content-Length: 6\r\n\r\nnam`);
  const finish = async (): Promise<string> => {
    socket.write('e=x');
    const [text] = (await once(socket, 'data')) as [string];
    socket.destroy();
    return text;
  };
  return { finish };
}

/** A shell in which this process is root over mounts of its own; undefined where the system does not let it. */
function canMount(): boolean {
  try {
    execFileSync('unshare', ['-Urm', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a full disk: who waits is refused, and the log says why before it stops', async (t) => {
  if (!canMount()) return t.skip('unshare -Urm is not allowed here');
  const folder = newFolder();
  const script = `mount -t tmpfs -o size=12m none ${folder} && exec "$0" src/main.ts serve --port 0 --disk-reserve-bytes 0 --data ${folder}/data`;
  const child = spawn('unshare', ['-Urm', 'sh', '-c', script, process.execPath], {
    env: { ...process.env, TAXIMETER_SECRET_KEY: TEST_KEY },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    let log = '';
    child.stderr.on('data', (text: Buffer) => (log += text.toString()));
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = /http:\S+/u.exec(line.toString())?.[0] ?? assert.fail(log);
    const closed = once(child, 'close');
    const { hostname: host, port } = new URL(url);
    const meter = await createMeter(newClient({ host, port: Number(port) }));
    const big = 'x'.repeat(100);
    const body: Record<string, string> = { event_name: meter.event_name };
    for (let n = 0; n < 90; n += 1) body[`payload[key${n}]`] = big;
    Object.assign(body, { 'payload[stripe_customer_id]': 'c', 'payload[value]': '1' });
    let last: Answer;
    do last = await call({ url }, { path: '/v1/billing/meter_events', body });
    while (last.status === 200);
    assert.equal(last.status, 503, last.text);
    assert.equal(last.headers['retry-after'], '1');
    // Not in the envelope: what may be on disk all the same has to be sent again under its key, by every SDK.
    assert.equal(last.headers['content-type'], 'text/plain');
    assert.deepEqual(await closed, [1, null]);
    assert.match(log, /"message":"Stopping, because its disk is full\."/u);
  } finally {
    child.kill('SIGKILL');
    removeFolder(folder);
  }
});
