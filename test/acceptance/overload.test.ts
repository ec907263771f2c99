/** P10 and P4 when far too much comes at once: a storm of one identifier, and a client that sends without listening. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { DiskFaults } from '../support/disk-faults.ts';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf, toForm, type Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { newFolder, removeFolder, Server, TEST_KEY } from '../support/server.ts';
import { fates, openStream, TELL, type Told } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { isoOf, v2ErrorOf, V2_EVENTS, V2_STREAM } from '../support/v2.ts';

const folder = newFolder();
const faults = DiskFaults.in(folder);
const start = dayStart(2);
const range = { start_time: start, end_time: start + DAY_S };
const CLIENTS = 1000;

describe('far too much at once', () => {
  let server: Server;
  let meter: Stripe.Billing.Meter;

  before(async () => {
    server = await Server.start(faults === undefined ? {} : { env: faults.env });
    meter = await createMeter(newClient(server));
  });
  after(async () => {
    faults?.end();
    await server.remove();
    removeFolder(folder);
  });

  /** Sends the same event over as many connections, a third each by v1, v2 and the stream. */
  async function storm(identifier: string): Promise<readonly ('accepted' | 'duplicate')[]> {
    const token = await openStream(server);
    const agent = new Agent({ keepAlive: true });
    const { event_name } = meter;
    const payload = { stripe_customer_id: identifier, value: '1' };
    const event = { event_name, identifier, timestamp: isoOf(start), payload };
    const form = toForm({
      event_name,
      identifier,
      timestamp: start,
      'payload[stripe_customer_id]': identifier,
      'payload[value]': '1',
    });
    const json = { ...TELL, 'content-type': 'application/json' };
    const events = JSON.stringify({ events: [event] });
    const send = [
      async () =>
        readV1(await call(server, { path: '/v1/billing/meter_events', body: form, agent })),
      async () => {
        const body = JSON.stringify(event);
        return readV2(await call(server, { path: V2_EVENTS, body, headers: json, agent }));
      },
      async () => {
        const what = { path: V2_STREAM, body: events, headers: json, key: token, agent };
        return readStream(await call(server, what));
      },
    ];
    const clients = Array.from({ length: CLIENTS }, async (_, n) => await send[n % 3]!());
    const outcomes = await Promise.all(clients);
    agent.destroy();
    return outcomes;
  }

  test('of a thousand clients with one identifier one wins, over v1, v2 and the stream together', async () => {
    const identifier = unique('storm');
    const outcomes = await storm(identifier);
    assert.equal(outcomes.filter((outcome) => outcome === 'accepted').length, 1);
    const query = { meter: meter.id, customer: identifier, ...range };
    assert.equal(await total(server, query), '1');
    await server.stop();
    await server.restart();
    const again = await storm(identifier);
    assert.ok(again.every((outcome) => outcome === 'duplicate'));
    assert.equal(await total(server, query), '1');
  });

  // With a query they are not plain, and node:http reads them.
  for (const to of ['/v1/billing/meter_events', '/v1/billing/meter_events?']) {
    test(`a client that sends on and on to ${to} is answered one at a time, and harms none`, async (t) => {
      if (faults === undefined) return t.skip('needs Linux and a C compiler');
      faults.slow(500);
      const flood = connect(server.port, server.host);
      await once(flood, 'connect');
      flood.on('error', () => undefined);
      sendAhead(flood, meter, { to, count: 5_000 });
      await sendEvent(newClient(server), meter, { customer: `patient ${to}`, timestamp: start });
      flood.destroy();
      faults.end();
      const query = { meter: meter.id, ...range };
      assert.equal(await total(server, { ...query, customer: `patient ${to}` }), '1');
      const counted = Number(await total(server, { ...query, customer: `ahead of ${to}` }));
      assert.ok(counted < 10, `${counted} were taken`);
    });
  }
});

/** Writes so many requests without waiting for an answer. */
function sendAhead(
  socket: Socket,
  { event_name }: Stripe.Billing.Meter,
  { to, count }: { readonly to: string; readonly count: number },
): void {
  const customer = `ahead of ${to}`;
  const request = (n: number): string => {
    const body = toForm({
      event_name,
      identifier: `${customer} ${n}`,
      timestamp: start,
      'payload[stripe_customer_id]': customer,
      'payload[value]': '1',
    });
    const head = [
      `POST ${to} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: Bearer ${TEST_KEY}`,
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${body.length}`,
    ];
    return `${head.join('\r\n')}\r\n\r\n${body}`;
  };
  socket.write(Array.from({ length: count }, (_, n) => request(n)).join(''));
}

function readV1(answer: Answer): 'accepted' | 'duplicate' {
  if (answer.status === 200) return 'accepted';
  assert.equal(answer.status, 400, answer.text);
  assert.equal(errorOf(answer).code, 'duplicate_meter_event');
  return 'duplicate';
}

function readV2(answer: Answer): 'accepted' | 'duplicate' {
  if (answer.status === 200) return 'accepted';
  assert.equal(answer.status, 400, answer.text);
  assert.equal(v2ErrorOf(answer).code, 'duplicate_meter_event');
  return 'duplicate';
}

function readStream(answer: Answer): 'accepted' | 'duplicate' {
  assert.equal(answer.status, 200, answer.text);
  const [fate] = fates(JSON.parse(answer.text) as Told);
  assert.ok(fate === 'accepted' || fate === 'duplicate', answer.text);
  return fate;
}
