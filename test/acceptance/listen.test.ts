/** `taximeter listen` and `taximeter events resend`, as a person on a laptop types them. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import type { Stripe } from '../support/sdk.ts';
import { REPO, runCli, TEST_KEY, type Server } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { OK, Receiver } from '../support/webhook-receiver.ts';
import { createEndpoint, deliveriesTo, startWithReceiver } from '../support/webhooks.ts';

class Listening {
  stdout = '';
  readonly child: ChildProcess;

  constructor(server: Server, ...flags: readonly string[]) {
    const args = [join(REPO, 'src/main.ts'), 'listen', '--url', server.url, ...flags];
    const env = { ...process.env, TAXIMETER_API_KEY: TEST_KEY };
    this.child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
  }

  async secret(): Promise<string> {
    await until('ready', () => this.stdout.includes('Ready.'));
    return /whsec_\w+/u.exec(this.stdout)?.[0] ?? assert.fail(this.stdout);
  }

  async stop(): Promise<void> {
    const closed = once(this.child, 'close');
    this.child.kill('SIGINT');
    await closed;
  }
}

describe('taximeter listen', () => {
  let server: Server;
  let client: Stripe;
  let receiver: Receiver;
  before(async () => {
    ({ server, client, receiver } = await startWithReceiver());
  });
  after(async () => {
    await receiver.close();
    await server.remove();
  });

  test('prints what comes and forwards it in order, signed by the secret that it printed', async () => {
    await createMeter(client);
    const listening = new Listening(server, '--forward-to', receiver.url);
    const secret = await listening.secret();
    receiver.answer = (_got, response) => void response.writeHead(418).end();
    const meter = await createMeter(client);
    await client.billing.meters.update(meter.id, { display_name: 'New' });
    await client.billing.meters.deactivate(meter.id);
    await until('three', () => listening.stdout.split('<-- [418] POST').length === 4);
    await listening.stop();
    const events = receiver.got.map(({ body, headers }) =>
      client.webhooks.constructEvent(body, String(headers['stripe-signature']), secret),
    );
    assert.deepEqual(
      events.map(({ type }) => type),
      ['billing.meter.created', 'billing.meter.updated', 'billing.meter.deactivated'],
    );
    const [created] = events;
    assert.ok(created);
    assert.deepEqual(created, JSON.parse(JSON.stringify(await client.events.retrieve(created.id))));
    for (const { id, type } of events) {
      assert.equal(listening.stdout.split(`--> ${type} [${id}]`).length, 2, 'printed once');
    }
    assert.ok(!listening.stdout.includes(TEST_KEY));
    assert.equal(listening.stdout.split('--api-version').length, 2, 'refused: a hint, once');
  });

  test('forwards thin events, and only the types that it is asked for; its secret stays the same', async () => {
    const thin = await Receiver.start();
    const flags = ['--forward-to', receiver.url, '--forward-thin-to', thin.url];
    const types = 'v1.billing.meter.updated,billing.meter.deactivated';
    const listening = new Listening(server, ...flags, '--events', types);
    const secret = await listening.secret();
    receiver.got.length = 0;
    const meter = await createMeter(client);
    await client.billing.meters.update(meter.id, { display_name: 'New' });
    await client.billing.meters.deactivate(meter.id);
    await until('one each', () => receiver.got.length + thin.got.length === 2);
    await listening.stop();
    const [got] = thin.got;
    assert.ok(got);
    const notification = client.parseEventNotification(
      got.body,
      String(got.headers['stripe-signature']),
      secret,
    );
    assert.equal(notification.type, 'v1.billing.meter.updated');
    assert.ok(receiver.got[0]?.body.includes('"billing.meter.deactivated"'));
    const again = new Listening(server);
    assert.equal(await again.secret(), secret);
    await again.stop();
    await thin.close();
  });

  test('forwards snapshots in the version that the handler needs', async () => {
    const version = '2026-03-25.dahlia';
    const listening = new Listening(server, '--forward-to', receiver.url, '--api-version', version);
    await listening.secret();
    assert.match(listening.stdout, /Snapshots say API version 2026-03-25\.dahlia\./u);
    receiver.answer = (_got, response) => void response.writeHead(400).end();
    receiver.got.length = 0;
    await createMeter(client);
    await until('it came', () => listening.stdout.includes('<-- [400] POST'));
    await listening.stop();
    assert.ok(!listening.stdout.includes('--api-version'), 'it was named');
    assert.equal((JSON.parse(receiver.got[0]?.body ?? '') as Stripe.Event).api_version, version);
  });

  test('waits for a server that restarts, and misses nothing', async () => {
    // On the same port again.
    const port = String(server.port);
    const listening = new Listening(server);
    await listening.secret();
    await server.stop();
    await until('it waits', () => listening.stdout.includes('Trying again.'));
    await server.restart({
      ...server.options,
      args: [...(server.options.args ?? []), '--port', port],
    });
    const meter = await createMeter(client);
    await until('it came', () => listening.stdout.includes('billing.meter.created'));
    await listening.stop();
    assert.ok(meter.id);
  });

  test('what was not delivered is sent again by a command', async () => {
    receiver.got.length = 0;
    receiver.answer = (_got, response) => void response.writeHead(500).end();
    const endpoint = await createEndpoint(client, receiver.url);
    await createMeter(client);
    await until('a try', () => receiver.got.length === 1);
    receiver.answer = OK;
    const [delivery] = await deliveriesTo(server, endpoint.id);
    assert.ok(delivery);
    const keyFile = join(server.folder, 'key');
    writeFileSync(keyFile, `${TEST_KEY}\n`);
    const flags = ['--url', server.url, '--api-key-file', keyFile];
    const sent = await runCli(
      ['events', 'resend', delivery.id, '--webhook-endpoint', endpoint.id, ...flags],
      { keys: null },
    );
    assert.equal(sent.code, 0, sent.stderr);
    await until('delivered', async () => {
      return (await deliveriesTo(server, endpoint.id))[0]?.status === 'succeeded';
    });
    const unknown = await runCli(['events', 'resend', 'evt_none', ...flags], { keys: null });
    assert.equal(unknown.code, 1);
    assert.equal(unknown.stderr.trim(), "No such event: 'evt_none'");
  });

  test('a wrong key, a missing one and a wrong URL are refused in one line', async () => {
    const run = async (flags: readonly string[], key?: string): Promise<string> => {
      const env = key === undefined ? {} : { TAXIMETER_API_KEY: key };
      const exit = await runCli(['listen', '--url', server.url, ...flags], { keys: null, env });
      assert.equal(exit.code, 1);
      return exit.stderr.trim();
    };
    assert.match(await run([], 'sk_test_wrong'), /^Invalid API Key provided: sk_test_\*+$/u);
    assert.match(await run([]), /^Which key\? Set TAXIMETER_API_KEY/u);
    assert.match(await run(['--forward-to', 'localhost'], TEST_KEY), /^--forward-to is a URL/u);
    const version =
      /^--api-version is one of Stripe's, such as .*: what your SDK sends\. It is not 'dahlia'\.$/u;
    assert.match(await run(['--api-version', 'dahlia'], TEST_KEY), version);
  });
});
