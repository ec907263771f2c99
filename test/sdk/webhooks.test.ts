/**
 * Webhooks and alerts as the official SDKs of Go, Java and Python read them. They check more than that of Node: the
 * release train of an event's version, and that an integer is one.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call } from '../support/http.ts';
import { unique } from '../support/random.ts';
import type { Stripe } from '../support/sdk.ts';
import { newFolder, removeFolder, TEST_KEY, type Server } from '../support/server.ts';
import { openStream, postStream } from '../support/stream.ts';
import { v2Event } from '../support/v2.ts';
import { until } from '../support/wait.ts';
import type { Got, Receiver } from '../support/webhook-receiver.ts';
import { createEndpoint, startWithReceiver } from '../support/webhooks.ts';
import { GO, JAVA, PYTHON, type Language, type Program } from './programs.ts';

type Alert = { readonly id: string; readonly gte: number };
/** What a program made, each field as its SDK read it. */
type Made = {
  readonly meter: string;
  readonly alert: Alert;
  readonly fraction: Alert;
  readonly listed: readonly Alert[];
  readonly sdk_version: string;
  readonly endpoint_version: string;
  readonly snapshot_secret: string;
  readonly thin_secret: string;
};
type Kind = 'snapshot' | 'thin';

/** A program that answers each line with one. */
class Running {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #stderr = '';

  constructor({ command: [name, ...args], env }: Program, more: Readonly<Record<string, string>>) {
    // What a proxy of this machine is for, it is not for loopback.
    const direct = { NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' };
    this.#child = spawn(name, args, {
      env: { ...process.env, ...direct, ...env, ...more },
      stdio: 'pipe',
    });
    const { stdout, stderr } = this.#child;
    assert.ok(stdout && stderr);
    stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  async next(): Promise<Record<string, unknown>> {
    const line = await this.#lines.next();
    if (line.done === true) assert.fail(this.#stderr);
    return JSON.parse(line.value) as Record<string, unknown>;
  }

  async read(kind: Kind, got: Got, secret: string): Promise<Record<string, unknown>> {
    const signature = got.headers['stripe-signature'];
    const line = JSON.stringify({ kind, body: got.body, signature, secret });
    this.#child.stdin?.write(`${line}\n`);
    return await this.next();
  }

  stop(): void {
    this.#child.kill();
  }
}

describe('webhooks and alerts in other languages', { concurrency: true }, () => {
  let server: Server;
  let client: Stripe;
  let receiver: Receiver;
  /** Made by another SDK, of another version. */
  let others: { readonly secret: string };
  let fraction: { readonly id: string };
  const folder = newFolder();
  before(async () => {
    ({ server, client, receiver } = await startWithReceiver());
    others = await createEndpoint(client, `${receiver.url}/others`);
    const { id: meter } = await createMeter(client);
    const { text } = await call(server, {
      path: '/v1/billing/alerts',
      body: {
        title: 'A half',
        alert_type: 'usage_threshold',
        'usage_threshold[gte_decimal]': '0.5',
        'usage_threshold[meter]': meter,
        'usage_threshold[recurrence]': 'one_time',
      },
    });
    fraction = JSON.parse(text) as { readonly id: string };
  });
  after(async () => {
    await receiver.close();
    await server.remove();
    removeFolder(folder);
  });

  async function delivered(path: string, ...parts: readonly string[]): Promise<Got> {
    const found = (): Got | undefined =>
      receiver.got.find(
        (got) => got.path === path && parts.every((part) => got.body.includes(part)),
      );
    await until(`${parts.join(' ')} at ${path}`, () => found() !== undefined);
    return found() ?? assert.fail();
  }

  async function check({ name }: Language, program: Program): Promise<void> {
    const at = `/hook/${name}`;
    const event_name = unique('told');
    const running = new Running(program, {
      TAXIMETER_URL: server.url,
      TAXIMETER_API_KEY: TEST_KEY,
      RECEIVER_URL: `${receiver.url}/${name}`,
      EVENT_NAME: event_name,
      FRACTION_ALERT: fraction.id,
    });
    try {
      const made = (await running.next()) as unknown as Made;
      assert.deepEqual(made.fraction, { id: fraction.id, gte: 0 });
      assert.equal(made.alert.gte, 100);
      const mine = made.listed.filter(({ id }) => id === fraction.id || id === made.alert.id);
      assert.deepEqual(mine, [made.alert, made.fraction]);
      assert.equal(made.endpoint_version, made.sdk_version);

      await sendEvent(client, { event_name }, { customer: 'c', value: '100.5' });
      const token = await openStream(server);
      const lost = [v2Event({ event_name }, { value: 'x' }), v2Event({ event_name: unique('no') })];
      assert.equal((await postStream(server, token, lost)).status, 200);
      await checkSnapshots(running, made, at);
      await checkThin(running, made, at);
    } finally {
      running.stop();
    }
  }

  async function checkSnapshots(running: Running, made: Made, at: string): Promise<void> {
    const { meter, alert, sdk_version: version, snapshot_secret: secret } = made;
    const updated = await delivered(`${at}/snapshot`, '"billing.meter.updated"', meter);
    const same = { version, fetched: version, meter };
    assert.deepEqual(await running.read('snapshot', updated, secret), {
      type: 'billing.meter.updated',
      ...same,
    });
    const triggered = await delivered(`${at}/snapshot`, '"billing.alert.triggered"', meter);
    assert.match(triggered.body, /"value":100,"value_decimal":"100\.5"/u);
    assert.deepEqual(await running.read('snapshot', triggered, secret), {
      type: 'billing.alert.triggered',
      ...same,
      alert,
      value: 100,
    });
    const ofOthers = await delivered('/hook/others', '"billing.meter.updated"', meter);
    const read = await running.read('snapshot', ofOthers, others.secret);
    if (version.endsWith('.endive')) assert.equal(read['version'], '2026-10-28.endive');
    else assert.match(String(read['error']), /2026-10-28\.endive/u, 'why the version matters');
  }

  async function checkThin(running: Running, made: Made, at: string): Promise<void> {
    const { meter, alert, thin_secret: secret } = made;
    const report = /^There (?:is|are) \d+ invalid events?$/u;
    for (const [type, related, has_reason] of [
      ['v1.billing.meter.updated', meter, true],
      ['v1.billing.alert.triggered', alert.id, false],
      ['v1.billing.meter.error_report_triggered', meter, false],
      ['v1.billing.meter.no_meter_found', undefined, false],
    ] as const) {
      const got = await delivered(`${at}/thin`, `"${type}"`, related ?? '');
      const { summary, ...read } = await running.read('thin', got, secret);
      const expected = { type, has_reason, ...(related === undefined ? {} : { related }) };
      assert.deepEqual(read, expected);
      const isReport = type.endsWith('error_report_triggered') || type.endsWith('no_meter_found');
      if (isReport) assert.match(String(summary), report);
    }
  }

  for (const language of [GO, JAVA, PYTHON]) {
    test(language.name, async (t) => {
      const own = join(folder, language.name);
      mkdirSync(own);
      const program = await language.prepare(own);
      if ('reason' in program) return t.skip(program.reason);
      await check(language, program);
    });
  }
});
