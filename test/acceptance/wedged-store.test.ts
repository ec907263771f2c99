/**
 * P10: a usage store that hangs, rather than fails: no system call on its files returns. Ingest goes on until the
 * journal holds what it may, reads are 503 after a bound, a stop ends, and all of it is there when the disk is back.
 */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { DiskFaults } from '../support/disk-faults.ts';
import { cancelEvent, createMeter } from '../support/fixtures.ts';
import { freePort } from '../support/free-port.ts';
import { call, errorOf, toForm, type Answer } from '../support/http.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { newFolder, removeFolder, Server } from '../support/server.ts';
import { parseExact, type SummaryPage } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { until, within } from '../support/wait.ts';

const folder = newFolder();
const faults = DiskFaults.in(folder);
const skip = faults === undefined ? 'needs Linux and a C compiler' : false;
const BYTES_MAX = 1_000_000;
const start = dayStart(2);
const range = { start_time: start, end_time: start + DAY_S };
/** Makes a row large, so that the bound is reached soon. */
const TAGS = Object.fromEntries(
  Array.from({ length: 40 }, (_, n) => [`payload[tag${n}]`, 'x'.repeat(100)]),
);

describe('a usage store that hangs', { skip }, () => {
  let server: Server;
  let meter: Stripe.Billing.Meter;
  let acked = 0;

  before(async () => {
    const args = ['--read-seconds', '3', '--stop-seconds', '2'];
    args.push('--journal-bytes-max', String(BYTES_MAX));
    server = await Server.start({ args, env: faults!.env });
    meter = await createMeter(newClient(server));
    await send('first');
    await readsAll();
  });
  after(async () => {
    faults?.end();
    await server.remove();
    removeFolder(folder);
  });

  /** Sends one event; acknowledged or 429. */
  async function send(identifier?: string): Promise<number> {
    const { event_name } = meter;
    const event = { event_name, 'payload[stripe_customer_id]': 'c', 'payload[value]': '1' };
    const given = identifier === undefined ? {} : { identifier };
    const body = { ...event, ...given, ...TAGS, timestamp: start };
    const answer = await call(server, { path: '/v1/billing/meter_events', body });
    if (answer.status === 200) acked += 1;
    else assertSaysWhen(answer, 429, 'rate_limit');
    return answer.status;
  }

  /** More reads at once than may wait, again and again until one is told so: answers how many were refused. */
  async function readUntilTooMany(): Promise<number> {
    const agent = new Agent({ keepAlive: true });
    let [refused, isTold] = [0, false];
    const lane = async (): Promise<void> => {
      do {
        const answer = await read(agent);
        const isFull = answer.status === 429;
        if (isFull) assertSaysWhen(answer, 429, 'rate_limit');
        else assertSaysWhen(answer, 503, undefined);
        refused += 1;
        isTold ||= isFull && /Your account has 200 reads at once/u.test(errorOf(answer).message);
      } while (!isTold);
    };
    await within('too many reads wait', Promise.all(Array.from({ length: 300 }, lane)));
    agent.destroy();
    return refused;
  }

  async function read(agent?: Agent): Promise<Answer> {
    const path = `/v1/billing/meters/${meter.id}/event_summaries`;
    const query = toForm({ customer: 'c', ...range });
    const through = agent === undefined ? {} : { agent };
    return await call(server, { path: `${path}?${query}`, ...through });
  }

  /** On a machine that others use too, a read may take longer than it may here: then it is made again. */
  async function readsAll(): Promise<void> {
    let answer = await read();
    await until('reads are answered', async () => {
      if (answer.status !== 200) answer = await read();
      return answer.status === 200;
    });
    const { data } = parseExact(answer.text) as SummaryPage;
    assert.equal(data[0]?.aggregated_value, String(acked));
  }

  /** It cannot get out of threads that hang but by a SIGKILL, its own: a stop that nobody else has to end. */
  async function endsItself(): Promise<void> {
    process.kill(server.pid, 'SIGTERM');
    const { signal, stderr } = await server.exited;
    assert.equal(signal, 'SIGKILL');
    assert.match(stderr, /Stopping takes longer than 2 s.*waits in the journal/u);
  }

  test('reads say 503 and when to come again; writes go on until the journal is full', async (t) => {
    faults!.hang();
    assert.equal(await send(), 200);
    const reads = await readUntilTooMany();
    for (const path of ['/v1/billing/meter_events', '/v1/billing/meter_events/first']) {
      assertSaysWhen(await call(server, { path }), 503, undefined);
    }
    await assert.rejects(cancelEvent(newClient(server, { maxNetworkRetries: 0 }), meter, 'first'), {
      statusCode: 503,
    });
    let sent = 1;
    while ((await send()) === 200) {
      sent += 1;
      assert.ok(sent * 4000 < 2 * BYTES_MAX, 'there is a bound');
    }
    assert.ok(sent * 5000 > BYTES_MAX / 2, `${sent} were acknowledged`);
    t.diagnostic(`${reads} reads refused, ${sent} events acknowledged while it hung`);
    for (const path of ['/healthz', '/readyz']) {
      assert.equal((await call(server, { path, key: null })).status, 200);
    }
  });

  test('when the store goes on, so does everything, and nothing is missing', async () => {
    faults!.end();
    await readsAll();
    await until('there is room', async () => (await send()) === 200);
    await cancelEvent(newClient(server, { maxNetworkRetries: 60 }), meter, 'first');
    acked -= 1;
    await readsAll();
  });

  test('a query that hangs holds no later one once the store goes on', async () => {
    faults!.hang();
    // Nothing is left to flush: these get through to the engine itself, or are answered from its memory.
    const early = await Promise.all(Array.from({ length: 4 }, async () => await read()));
    for (const { status } of early) assert.ok(status === 200 || status === 503, String(status));
    faults!.end();
    await readsAll();
  });

  test('a stop ends although the store does not, says so, and the next start has it all', async () => {
    faults!.hang();
    assert.equal(await send(), 200);
    await endsItself();
    faults!.end();
    await server.restart();
    await readsAll();
  });

  test('a start that waits for a slow store says that it is recovering, and can be stopped', async () => {
    faults!.hang();
    assert.equal(await send(), 200);
    await server.kill();
    faults!.slow(1000);
    const port = await freePort();
    const args = [...(server.options.args ?? []), '--port', String(port)];
    server.relaunch({ ...server.options, args });
    const at = { url: `http://127.0.0.1:${port}` };
    const ready = async (): Promise<string> => {
      const answer = await call(at, { path: '/readyz', key: null }).catch(() => undefined);
      return `${answer?.status} ${answer?.text}`;
    };
    await until(
      'it says so',
      async () => (await ready()) === '503 {"status":"unready","reason":"recovering"}',
    );
    // So it stays.
    faults!.stall();
    const held = assert.rejects(call(at, { path: '/v1/billing/meters' }), /hang up|ECONNRESET/u);
    await endsItself();
    await held;
    faults!.end();
    await server.restart();
    await readsAll();
  });
});

function assertSaysWhen(answer: Answer, status: number, code: string | undefined): void {
  assert.equal(answer.status, status, answer.text);
  assert.match(String(answer.headers['retry-after']), /^[1-9]\d*$/u);
  assert.equal(errorOf(answer).code, code, answer.text);
}
