/**
 * Behind nginx and HAProxy, as docs/operations.md configures them, with both readers of requests: what a proxy takes for the
 * body of a request is never carried out as a request of its own, and everybody gets the answers to what they sent.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  EVENT_NAME,
  fill,
  FRAMING,
  idsOf,
  ODD_TARGETS,
  type Case,
  type Ids,
} from '../support/framing-cases.ts';
import { answersIn, countOf } from '../support/framing.ts';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { freePort } from '../support/free-port.ts';
import { FrontProxy, lacks, PROXY_KINDS, type ProxyKind } from '../support/front-proxy.ts';
import { call } from '../support/http.ts';
import { newClient, NEWEST, type Stripe } from '../support/sdk.ts';
import { Server, TEST_KEY } from '../support/server.ts';
import { inParallel, pause, until, within } from '../support/wait.ts';
import { createEndpoint, deliveryOf } from '../support/webhooks.ts';
import { Receiver } from '../support/webhook-receiver.ts';

const PATH = '/v1/billing/meter_events';
const FORM = 'Content-Type: application/x-www-form-urlencoded\r\n';
const HEADERS = `Host: x\r\nAuthorization: Bearer ${TEST_KEY}\r\n`;

function eventBody(identifier: string, eventName = EVENT_NAME): string {
  return `event_name=${eventName}&payload[stripe_customer_id]=c&payload[value]=1&identifier=${identifier}`;
}

function eventRequest(identifier: string, more = ''): string {
  const body = eventBody(identifier);
  return `POST ${PATH} HTTP/1.1\r\n${HEADERS}${FORM}X-Id: ${identifier}\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
}

const CASES: readonly Case[] = [...Object.values(FRAMING), ODD_TARGETS].flatMap((table) =>
  Object.values(table),
);

/** The identifiers in the answers, in order. */
function identifiersIn(text: string): string[] {
  return answersIn(text).map(({ status, body }) => {
    assert.equal(status, '200', body);
    return (JSON.parse(body) as { readonly identifier: string }).identifier;
  });
}

// Each waits for its own proxy most of the time.
describe('behind', { concurrency: 2 }, () => {
  for (const kind of PROXY_KINDS) {
    for (const fastPath of ['on', 'off'] as const) {
      const options = { concurrency: 1, skip: lacks(kind) ?? false };
      describe(`${kind}, --http-fast-path ${fastPath}`, options, () => {
        behind(kind, fastPath);
      });
    }
  }
});

function behind(kind: ProxyKind, fastPath: 'on' | 'off'): void {
  let server: Server;
  let proxy: FrontProxy;
  let receiver: Receiver;
  /** By way of the proxy. */
  let client: Stripe;
  before(async () => {
    const args = ['--port', String(await freePort()), '--proxies', '1', '--webhook-allow-private'];
    server = await Server.start({ args: [...args, '--http-fast-path', fastPath] });
    [proxy, receiver] = await Promise.all([FrontProxy.start(kind, server.port), Receiver.start()]);
    client = new NEWEST.Stripe(TEST_KEY, {
      host: proxy.host,
      port: proxy.port,
      protocol: 'https',
      httpAgent: proxy.agent,
      maxNetworkRetries: 10,
    });
  });
  after(async () => {
    await proxy.stop();
    await receiver.close();
    await server.remove();
  });

  async function newMeter(eventName: string): Promise<Stripe.Billing.Meter> {
    return await createMeter(newClient(server), { event_name: eventName, formula: 'count' });
  }

  test('the official SDK works: v1, the stream, webhooks', async () => {
    const endpoint = await createEndpoint(client, receiver.url);
    const meter = await createMeter(client, { event_name: 'by_sdk', formula: 'count' });
    const event = await sendEvent(client, meter, { customer: 'c', identifier: 'v1' });
    assert.equal(event.identifier, 'v1');
    await assert.rejects(sendEvent(client, { event_name: 'none' }, { customer: 'c' }), {
      type: 'StripeInvalidRequestError',
    });
    const payload = { stripe_customer_id: 'c', value: '1' };
    await client.v2.billing.meterEvents.create({ event_name: 'by_sdk', payload });
    const session = await client.v2.billing.meterEventSession.create();
    const streaming = new NEWEST.Stripe(session.authentication_token, {
      host: proxy.host,
      port: proxy.port,
      protocol: 'https',
      httpAgent: proxy.agent,
    });
    const events = Array.from({ length: 100 }, () => ({ event_name: 'by_sdk', payload }));
    await streaming.v2.billing.meterEventStream.create({ events });
    assert.equal(await countOf(server, meter), 102);
    const customers = await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        return await client.customers.create({ name: `n${index}` });
      }),
    );
    assert.deepEqual(customers.map(({ name }) => name).slice(0, 3), ['n0', 'n1', 'n2']);
    assert.equal(
      (await client.customers.list({ limit: 100 }).autoPagingToArray({ limit: 100 })).length,
      30,
    );
    const told = (await client.events.list({ type: 'billing.meter.created' })).data[0];
    const got = await deliveryOf(receiver, told?.id ?? assert.fail('no event tells of the meter'));
    const delivered = client.webhooks.constructEvent(got.body, got.signature, endpoint.secret);
    assert.equal(delivered.type, 'billing.meter.created');
  });

  test('only /v1/ and /v2/ are passed on', async () => {
    const hidden = ['/healthz', '/readyz', '/metrics', '//metrics', '/', '/v1', '/v1/../metrics'];
    const spelled = [
      '/v1/..%2fmetrics',
      '/v1/%2e%2e/metrics',
      '/v1/./../metrics',
      '/v1//../../metrics',
    ];
    for (const target of [...hidden, ...spelled, 'http://x/metrics', '/v1/../v1/../healthz']) {
      const sent = `GET ${target} HTTP/1.1\r\n${HEADERS}Connection: close\r\n\r\n`;
      const [answer] = answersIn(await proxy.exchange(sent));
      assert.match(answer?.status ?? '', /^40[04]$/u, target);
      assert.doesNotMatch(answer?.body ?? '', /taximeter_|"status":/u, target);
    }
  });

  test('who guesses keys cannot choose the address that it counts for', async () => {
    const guess = async (forged: string): Promise<number> => {
      const sent = `GET /v1/account HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test_${forged.padEnd(24, 'x')}\r\nX-Forwarded-For: ${forged}\r\nConnection: close\r\n\r\n`;
      return Number(answersIn(await proxy.exchange(sent))[0]?.status);
    };
    const own = await Promise.all(
      Array.from({ length: 31 }, async (_, i) => await guess(`8.8.8.${i}`)),
    );
    assert.deepEqual(new Set(own), new Set([401, 429]));
    // Nor is the proxy's own address shut out: what is known goes on.
    assert.equal((await call(server, { path: '/v1/account' })).status, 200);
    await client.customers.list();
  });

  test('pipelined requests are answered whole and in order', async () => {
    const meter = await newMeter(`${EVENT_NAME}_pipelined`);
    const runs = await inParallel([0, 1, 2, 3], 4, async (run) => {
      const ids = Array.from(
        { length: 100 },
        (_, index) => `q${run}${String(index).padStart(6, '0')}`,
      );
      const sent = ids.map((id, index) =>
        eventRequest(id, index === 99 ? 'Connection: close\r\n' : '')
          .replace(`event_name=${EVENT_NAME}&`, `event_name=${meter.event_name}&`)
          .replace(
            /Content-Length: (\d+)/u,
            (_, length) => `Content-Length: ${Number(length) + 10}`,
          ),
      );
      return [identifiersIn(await proxy.exchange(sent.join(''))), ids] as const;
    });
    for (const [found, ids] of runs) assert.deepEqual(found, ids);
    assert.equal(await countOf(server, meter), 400);
  });

  test('what a proxy took for a body is not carried out, and no neighbour gets another answer', async () => {
    const meter = await newMeter(EVENT_NAME);
    let isOver = false;
    const neighbours = neighbour(() => isOver);
    const all: Ids[] = [];
    /** Its client got the answer. */
    const answered: string[] = [];
    // All at once: some are waited for until the proxy gives up.
    await inParallel(CASES, CASES.length, async ({ sends }) => {
      const ids = idsOf('c', all.length + 1);
      all.push(ids);
      const text = await proxy.exchange(Buffer.from(fill(sends, ids), 'latin1'));
      answered.push(...Object.values(ids).filter((id) => text.includes(`"${id}"`)));
    });
    isOver = true;
    answered.push(...(await neighbours));
    // It writes its log when an answer is out.
    const logged = (): ReadonlyMap<string, string> => new Map(proxy.log);
    await until('each request that was answered is in the log', () => {
      const ids = logged();
      return answered.every((id) => ids.has(id));
    });

    const known = logged();
    for (const { canary } of all) assert.ok(!known.has(canary), `${canary} was a request`);
    assert.ok(answered.length > 100, `${answered.length} requests were carried out`);
    // Those whose client went away meanwhile.
    const count = await countOf(server, meter);
    const others = count === answered.length ? [] : await carriedOut(all, new Set(answered));
    assert.equal(count, answered.length + others.length);
    for (const id of others) assert.ok(known.has(id), `${id} was no request to ${kind}`);
  });

  async function carriedOut(all: readonly Ids[], answered: ReadonlySet<string>): Promise<string[]> {
    const ids = all.flatMap((one) => Object.values(one)).filter((id) => !answered.has(id));
    const there = await inParallel(ids, 64, async (id) => {
      const { status } = await call(server, { path: `${PATH}/${id}` });
      return status === 200 ? [id] : [];
    });
    return there.flat();
  }

  /** Sends one event after the other, each answered with itself; answers their ids when it is over. */
  async function neighbour(isOver: () => boolean): Promise<string[]> {
    const ids: string[] = [];
    while (!isOver() || ids.length < 10) {
      const id = `n${String(ids.length).padStart(7, '0')}`;
      const text = await proxy.exchange(eventRequest(id, 'Connection: close\r\n'));
      assert.deepEqual(identifiersIn(text), [id]);
      ids.push(id);
    }
    return ids;
  }

  test('slow readers and writers keep nobody out', async () => {
    const slow = Array.from({ length: 60 }, (_, index) => {
      const socket = proxy.open();
      if (index % 3 === 0) socket.write(`POST ${PATH} HTTP/1.1\r\nHost: x\r\nX-`);
      else if (index % 3 === 1) socket.write(eventRequest('slow0000').slice(0, -20));
      else {
        socket.pause();
        socket.write(`GET /v1/customers?limit=100 HTTP/1.1\r\n${HEADERS}\r\n`.repeat(200));
      }
      return socket;
    });
    await within(
      'they are connected',
      Promise.all(
        slow.map(async (socket) => {
          if (socket.connecting)
            await new Promise((resolve) => socket.once('secureConnect', resolve));
        }),
      ),
    );
    for (let index = 0; index < 20; index += 1) {
      const id = `s${String(index).padStart(7, '0')}`;
      assert.deepEqual(
        identifiersIn(await proxy.exchange(eventRequest(id, 'Connection: close\r\n'))),
        [id],
      );
      for (const socket of slow) if (!socket.isPaused()) socket.write('a');
    }
    for (const socket of slow) socket.destroy();
  });

  test('a restart: kept connections go on, each event is counted once', async () => {
    const meter = await newMeter('restarted');
    let sent = 0;
    let isOver = false;
    const sending = Array.from({ length: 4 }, async (_, lane) => {
      for (let index = 0; !isOver || index < 10; index += 1) {
        const identifier = `${lane}-${index}`;
        const event = await sendEvent(client, meter, { customer: 'c', identifier });
        assert.equal(event.identifier, identifier);
        sent += 1;
      }
    });
    await until('some are sent', () => sent > 20);
    await server.stop();
    await pause(300);
    await server.restart();
    const before = sent;
    await until('it goes on', () => sent > before + 20);
    isOver = true;
    await within('the rest is answered', Promise.all(sending));
    assert.equal(await countOf(server, meter), sent);
  });
}
