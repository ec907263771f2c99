/** Clients that are slow, silent, or too many: they are let go, and keep nobody out. */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import type { Route } from '../api/route.ts';
import type { ConnectionLimits } from './connections.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';
import { pause, repeat, until, within } from '../../test/support/wait.ts';

const HEADERS = 'Host: x\r\nAuthorization: Bearer k\r\n';

/** Answers to /v1/wait are held back until they are let go. */
let letGo: (() => void)[] = [];
let arrived: () => void = () => undefined;
const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/v1/now', scope: 'meters.read', handle: () => ({ ok: true }) },
  { method: 'POST', path: '/v1/now', scope: 'meters.read', handle: () => ({ ok: true }) },
  {
    method: 'GET',
    path: '/v1/much',
    scope: 'meters.read',
    // More than the kernel holds for a client that does not read.
    handle: () => ({ much: 'x'.repeat(16_000_000) }),
  },
  {
    method: 'GET',
    path: '/v1/wait',
    scope: 'meters.read',
    handle: async () => {
      await new Promise<void>((resolve) => {
        letGo.push(resolve);
        arrived();
      });
      return { ok: true };
    },
  },
];

let server: TestServer;
let sockets: Socket[] = [];
afterEach(async () => {
  for (const release of letGo) release();
  for (const socket of sockets) socket.destroy();
  [letGo, sockets] = [[], []];
  await server.close();
});

async function start(limits: Partial<ConnectionLimits>): Promise<void> {
  server = await startTestServer(ROUTES, { limits: { checkEveryMs: 20, ...limits } });
}

type Client = { readonly socket: Socket; readonly closed: Promise<string> };

/** A connection that has sent these bytes; `closed` is what came back until the server closed it. */
async function open(bytes: string): Promise<Client> {
  const socket = connect(server.port, '127.0.0.1').setEncoding('utf8');
  sockets.push(socket);
  let text = '';
  socket.on('data', (more: string) => (text += more)).on('error', () => undefined);
  const closed = within(
    'it is closed',
    new Promise<string>((resolve) => socket.once('close', () => resolve(text))),
  );
  closed.catch(() => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  if (bytes !== '') await new Promise((resolve) => socket.write(bytes, resolve));
  return { socket, closed };
}

/** The status of an answer, over a connection of its own unless an agent has one. */
async function ask(path: string, agent: Agent | false = false): Promise<number> {
  return await new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer k' };
    const sent = request({ port: server.port, path, agent, headers }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.once('error', reject).end();
  });
}

function timedOut(answer: string): void {
  assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/u);
  assert.match(answer, /\r\nConnection: close\r\n/u);
  // Nothing of it was carried out, so it may come again.
  assert.match(answer, /\r\nStripe-Should-Retry: true\r\n/u);
  assert.match(answer, /\r\n\r\n\{"error":\{"message":".+","type":"invalid_request_error"\}\}$/u);
}

describe('a client that takes too long is told so, and let go', () => {
  for (const method of ['GET', 'POST']) {
    test(`to send the headers of a ${method}`, async () => {
      await start({ headersTimeoutMs: 100, requestTimeoutMs: 60_000 });
      timedOut(await (await open(`${method} /v1/now HTTP/1.1\r\n${HEADERS}`)).closed);
    });
  }

  test('to say anything: without a word, since that would be taken for the answer to what comes next', async () => {
    await start({ keepAliveMs: 100 });
    assert.equal(await (await open('')).closed, '');
  });

  test('but not one that has time for it, however long it says nothing', async () => {
    await start({ headersTimeoutMs: 50, requestTimeoutMs: 100 });
    const { socket, closed } = await open('');
    await pause(500);
    socket.write(`GET /v1/now HTTP/1.1\r\n${HEADERS}Connection: close\r\n\r\n`);
    assert.match(await closed, /^HTTP\/1\.1 200 OK\r\n/u);
  });

  test('to send its body, however steadily it drips', async () => {
    await start({ headersTimeoutMs: 100, requestTimeoutMs: 300 });
    const head = `POST /v1/now HTTP/1.1\r\n${HEADERS}Content-Length: 100000\r\n\r\n`;
    const { socket, closed } = await open(head);
    const stop = repeat(20, () => socket.write('a'));
    timedOut(await closed);
    stop();
  });

  test('to send its second request, however soon the first one came', async () => {
    await start({ headersTimeoutMs: 1_000, requestTimeoutMs: 60_000 });
    const { closed } = await open(`GET /v1/now HTTP/1.1\r\n${HEADERS}\r\nGET /v1/now HTTP/1.1\r\n`);
    const [first, second] = (await closed).split(/(?=HTTP\/1\.1 408)/u);
    assert.match(first ?? '', /^HTTP\/1\.1 200 OK\r\n/u);
    timedOut(second ?? '');
  });

  test('to read its answers: without a word, since there is no room for one', async () => {
    await start({ stalledTimeoutMs: 2_000, connectionsMax: 1 });
    const { socket } = await open('');
    const answered = new Promise((resolve) => socket.once('data', resolve));
    // Far more than what the kernel holds for who does not read.
    socket.write(`GET /v1/much HTTP/1.1\r\n${HEADERS}\r\n`.repeat(50));
    await answered;
    socket.pause();
    await assert.rejects(
      ask('/v1/now'),
      'it is owed answers, and there is room for one connection',
    );
    await until('there is room', async () => (await ask('/v1/now').catch(() => 0)) === 200);
  });
});

describe('more connections than there may be', () => {
  const DRIP = `GET /v1/now HTTP/1.1\r\n${HEADERS}`;

  test('who drips gives way to who asks, again and again', async () => {
    await start({ connectionsMax: 20 });
    const drippers: Client[] = [];
    for (let i = 0; i < 60; i += 1) drippers.push(await open(i % 2 === 0 ? DRIP : ''));
    for (let i = 0; i < 20; i += 1) assert.equal(await ask('/v1/now'), 200);
    // The oldest are gone; those that came last before the others asked may still be there.
    for (const { closed } of drippers.slice(0, 40)) assert.equal(await closed, '');
  });

  test('a connection that was used since the last look is passed over, once', async () => {
    await start({ connectionsMax: 20 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let made = 0;
    agent.on('free', () => undefined);
    const create = agent.createConnection.bind(agent);
    agent.createConnection = (...of) => {
      made += 1;
      return create(...of);
    };
    for (let i = 0; i < 60; i += 1) {
      if (i % 10 === 0) assert.equal(await ask('/v1/now', agent), 200);
      await open(DRIP);
    }
    assert.equal(made, 1, 'it was never closed');
    agent.destroy();
  });

  test('who waits for an answer gets it; when all wait, a new one is closed', async () => {
    await start({ connectionsMax: 3 });
    const waiting: Promise<number>[] = [];
    for (let i = 0; i < 3; i += 1) {
      const begun = new Promise<void>((resolve) => (arrived = resolve));
      waiting.push(ask('/v1/wait'));
      await begun;
    }
    assert.equal(await (await open(DRIP)).closed, '');
    await assert.rejects(ask('/v1/now'));
    for (const release of letGo) release();
    assert.deepEqual(await Promise.all(waiting), [200, 200, 200]);
    assert.equal(await ask('/v1/now'), 200);
  });
});

describe('what follows a request on its connection', () => {
  const ASKS = `GET /v1/wait HTTP/1.1\r\n${HEADERS}\r\n`;

  for (const [how, together] of Object.entries({ 'in one piece with it': true, later: false })) {
    test(`what is no HTTP is refused behind the answer that is owed, and not before: ${how}`, async () => {
      await start({});
      const begun = new Promise<void>((resolve) => (arrived = resolve));
      const { socket, closed } = await open(together ? `${ASKS}\0\r\n\r\n` : ASKS);
      await begun;
      if (!together) socket.write('\0\r\n\r\n');
      await pause(50);
      for (const answer of letGo) answer();
      const both =
        /^HTTP\/1\.1 200 OK\r\n[^]*\{"ok":true\}HTTP\/1\.1 400 Bad Request\r\n[^]*\r\nConnection: close\r\n/u;
      assert.match(await closed, both);
    });
  }

  test('nothing begins after a request that could be read in two ways', async () => {
    await start({});
    const twice = `GET /v1/now HTTP/1.1\r\n${HEADERS}Authorization: Bearer other\r\n\r\n`;
    const { closed } = await open(twice + ASKS);
    assert.match(await closed, /^HTTP\/1\.1 400 [^]*Authorization more than once[^]*\}$/u);
    assert.equal(letGo.length, 0);
  });
});
