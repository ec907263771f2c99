/** What a client finds while the server starts, stops, or has failed. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import Stripe from 'stripe';
import type { Route } from '../api/route.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';
import { until, within } from '../../test/support/wait.ts';

const HEADERS = 'Host: x\r\nAuthorization: Bearer k\r\n';
const get = (path: string): string => `GET ${path} HTTP/1.1\r\n${HEADERS}\r\n`;
const post = (name: string): string =>
  `POST /v1/${name} HTTP/1.1\r\n${HEADERS}Content-Length: 3\r\n\r\na=b`;
const chunked = (name: string): string =>
  `POST /v1/${name} HTTP/1.1\r\n${HEADERS}Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n`;

/** The routes that were called, in order. */
let called: string[] = [];
/** Calls of `wait` that are held back; with an error, they fail. */
let letGo: ((error?: Error) => void)[] = [];
const route = (method: 'GET' | 'POST', name: string): Route => ({
  method,
  path: `/v1/${name}`,
  scope: 'meters.read',
  handle: async () => {
    called.push(name);
    if (name === 'wait') {
      await new Promise<void>((resolve, reject) => {
        letGo.push((error) => (error === undefined ? resolve() : reject(error)));
      });
    }
    return { name };
  },
});
const ROUTES = ['a', 'b', 'c', 'wait'].flatMap((name) => [route('GET', name), route('POST', name)]);

let world: TestServer;
let sockets: Socket[] = [];
afterEach(async () => {
  for (const go of letGo) go();
  for (const socket of sockets) socket.destroy();
  [called, letGo, sockets] = [[], [], []];
  await world.close();
});

type Client = { readonly socket: Socket; text: () => string; readonly closed: Promise<string> };

async function open(bytes = ''): Promise<Client> {
  const socket = connect(world.port, '127.0.0.1').setEncoding('utf8');
  sockets.push(socket);
  let text = '';
  socket.on('data', (more: string) => (text += more)).on('error', () => undefined);
  const closed = within(
    'it is closed',
    new Promise<string>((resolve) => socket.once('close', () => resolve(text))),
  );
  closed.catch(() => undefined);
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  if (bytes !== '') socket.write(bytes);
  return { socket, text: () => text, closed };
}

/** The whole answer to a request on a connection of its own. */
async function ask(path: string): Promise<string> {
  const { closed } = await open(get(path).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  return await closed;
}

const isDone = (name: string) => (text: string) => text.includes(`{"name":"${name}"}`);

/** Every SDK tries it again: stripe-go takes what it can read as an error of the API for final. */
function assertUnavailable(answer: string, reason: string): void {
  assert.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\n/u);
  assert.match(answer, /\r\nRetry-After: 1\r\n/u);
  assert.match(answer, /\r\nRequest-Id: req_\w+\r\n/u);
  assert.doesNotMatch(answer, /Stripe-Should-Retry: false/u);
  const [, body = ''] = answer.split('\r\n\r\n');
  assert.equal(body, `Taximeter is ${reason}. Try again.\n`);
  assert.throws(() => void JSON.parse(body));
}

describe('while it starts', () => {
  test('requests wait, whichever way they come, and are answered when it serves', async () => {
    world = await startTestServer(ROUTES, { starts: true });
    const clients = [await open(post('a')), await open(get('/v1/b')), await open(chunked('c'))];
    assert.match(await ask('/readyz'), /^HTTP\/1\.1 503 [^]*"reason":"starting"/u);
    world.server.starts('recovering');
    assert.match(await ask('/readyz'), /^HTTP\/1\.1 503 [^]*"reason":"recovering"/u);
    assert.match(await ask('/healthz'), /^HTTP\/1\.1 200 /u);
    assert.deepEqual(
      clients.map(({ text }) => text()),
      ['', '', ''],
    );
    assert.deepEqual(called, []);
    world.server.serve(world.api);
    for (const [index, name] of ['a', 'b', 'c'].entries()) {
      const { text } = clients[index]!;
      await until(name, () => isDone(name)(text()));
      assert.match(text(), /^HTTP\/1\.1 200 OK\r\n/u);
    }
    assert.match(await ask('/readyz'), /^HTTP\/1\.1 200 /u);
  });

  test('a request is not carried out when its client has gone', async () => {
    world = await startTestServer(ROUTES, { starts: true });
    for (const bytes of [post('a'), get('/v1/a'), chunked('a')]) {
      const { socket } = await open(bytes);
      await ask('/healthz');
      socket.destroy();
      await ask('/healthz');
    }
    world.server.serve(world.api);
    assert.match(await ask('/v1/b'), /^HTTP\/1\.1 200 /u);
    assert.deepEqual(called, ['b']);
  });

  test('past the bounds they are answered with a 503 that every SDK tries again', async () => {
    world = await startTestServer(ROUTES, { starts: true, hold: { requestsMax: 2 } });
    const held = [await open(post('a')), await open(get('/v1/b'))];
    await ask('/healthz');
    assertUnavailable(await ask('/v1/c'), 'starting');
    world.server.serve(world.api);
    for (const { text } of held) await until('it is answered', () => text() !== '');
    await world.close();

    world = await startTestServer(ROUTES, { starts: true, hold: { timeoutMs: 100 } });
    assertUnavailable(await ask('/v1/c'), 'starting');
    await world.close();

    world = await startTestServer(ROUTES, { starts: true, hold: { bytesMax: 2 } });
    const { text } = await open(post('a'));
    await until('it is answered', () => text() !== '');
    assertUnavailable(text(), 'starting');
  });

  test('an SDK that is refused so goes on by its retries', async () => {
    world = await startTestServer(ROUTES, { starts: true, hold: { requestsMax: 0 } });
    const { port, server, api } = world;
    const host = { host: '127.0.0.1', port, protocol: 'http' } as const;
    const answer = new Stripe('k', { ...host, maxNetworkRetries: 5 }).rawRequest('POST', '/v1/a');
    const isRefused = (): boolean =>
      [...server.requests.routes].some(({ refused }) => refused.has('unavailable'));
    await until('it is refused', isRefused);
    server.serve(api);
    await answer;
    assert.deepEqual(called, ['a']);
  });

  test('a start that fails, or is stopped, answers what it holds', async () => {
    world = await startTestServer(ROUTES, { starts: true });
    const clients = [await open(post('a')), await open(get('/v1/b')), await open(chunked('c'))];
    await ask('/healthz');
    await world.server.close();
    for (const { closed } of clients) assertUnavailable(await closed, 'stopping');
    assert.deepEqual(called, []);
  });
});

describe('a stop', () => {
  test('answers what was read, and what comes on a connection that was used just now; then all are closed', async () => {
    world = await startTestServer(ROUTES);
    const waiting = [await open(post('wait')), await open(get('/v1/wait'))];
    const kept = [await open(post('a')), await open(get('/v1/a'))];
    await until('they wait', () => letGo.length === 2);
    for (const { text } of kept) await until('it is answered', () => isDone('a')(text()));
    const silent = await open();
    const half = [await open(post('b').slice(0, -1)), await open(chunked('c').slice(0, -1))];
    await ask('/healthz');
    const drained = world.server.drain();
    assert.equal(world.server.isReady, false);
    await assert.rejects(ask('/v1/a'), 'no new connections');
    kept[0]!.socket.write(post('b'));
    kept[1]!.socket.write(get('/readyz'));
    half[0]!.socket.write('b');
    half[1]!.socket.write('\n');
    assert.match(
      await kept[0]!.closed,
      /"a"\}HTTP\/1\.1 200 OK[^]*\r\nConnection: close\r\n[^]*"b"\}$/u,
    );
    assert.match(
      await kept[1]!.closed,
      /"a"\}HTTP\/1\.1 503 [^]*\r\nConnection: close\r\n[^]*"reason":"stopping"\}$/u,
    );
    assert.match(
      await half[0]!.closed,
      /^HTTP\/1\.1 200 OK[^]*\r\nConnection: close\r\n[^]*"b"\}$/u,
    );
    assert.match(
      await half[1]!.closed,
      /^HTTP\/1\.1 200 OK[^]*\r\nConnection: close\r\n[^]*"c"\}$/u,
    );
    assert.equal(await silent.closed, '');
    for (const go of letGo) go();
    for (const { closed } of waiting) {
      assert.match(await closed, /^HTTP\/1\.1 200 OK[^]*\r\nConnection: close\r\n[^]*"wait"\}$/u);
    }
    await drained;
  });

  test('closes without a word what was not sent whole, or not used', async () => {
    world = await startTestServer(ROUTES);
    const used = [await open(post('a')), await open(get('/v1/a'))];
    for (const { text } of used) await until('it is answered', () => isDone('a')(text()));
    const half = [
      await open(post('b').slice(0, -1)),
      await open(chunked('b').slice(0, -1)),
      await open(get('/v1/b').slice(0, -1)),
    ];
    await ask('/healthz');
    await world.server.drain();
    for (const { closed } of used) assert.match(await closed, /^HTTP[^]*\{"name":"a"\}$/u);
    for (const { closed } of half) assert.equal(await closed, '');
    assert.deepEqual(called, ['a', 'a']);
  });

  test('of a server without connections is over at once', async () => {
    world = await startTestServer(ROUTES);
    await ask('/v1/a');
    await world.server.drain();
    await assert.rejects(ask('/v1/a'));
  });
});

test('once it has failed, it carries out nothing and takes no connections; what fails with it may come again', async () => {
  world = await startTestServer(ROUTES);
  const waiting = [await open(post('wait')), await open(get('/v1/wait'))];
  const kept = await open(post('a'));
  await until('they wait', () => letGo.length === 2 && isDone('a')(kept.text()));
  const before = kept.text().length;
  world.server.refuse('stopped, because its disk is full');
  for (const go of letGo) go(new Error('the commit failed'));
  kept.socket.write(post('b'));
  for (const { closed } of waiting) {
    const answer = await closed;
    assert.match(answer, /^HTTP\/1\.1 503 [^]*\r\nConnection: close\r\n/u);
    assert.match(answer, /\r\nContent-Type: text\/plain\r\n/u);
  }
  assertUnavailable((await kept.closed).slice(before), 'stopped, because its disk is full');
  await assert.rejects(ask('/v1/a'));
  assert.deepEqual(called.toSorted(), ['a', 'wait', 'wait']);
});
