/** node:http gets a request at a time, between real sockets, however the bytes come. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { pause, until } from '../../../test/support/wait.ts';
import { NodeFeed } from './node-feed.ts';

let server: Server;
let sockets: Socket[] = [];
/** What was asked for, with the length of its body, in order. */
let begun: string[] = [];
/** Requests that are being answered, now and at most. */
let open = 0;
let openMax = 0;
let letGo: (() => void)[] = [];

beforeEach(async () => {
  [sockets, begun, letGo, open, openMax] = [[], [], [], 0, 0];
  const owed = new WeakMap<Socket, IncomingMessage>();
  const feeds = new WeakMap<Socket, NodeFeed>();
  server = createServer((request, response) => {
    const { socket } = request;
    open += 1;
    openMax = Math.max(open, openMax);
    owed.set(socket, request);
    response.once('close', () => {
      open -= 1;
      owed.delete(socket);
      feeds.get(socket)?.goOn();
    });
    let length = 0;
    request.on('data', (bytes: Buffer) => (length += bytes.length));
    request.on('end', () => {
      begun.push(`${request.url} ${length}`);
      if (request.url === '/wait') letGo.push(() => response.end('to /wait.'));
      else setImmediate(() => response.end(`to ${request.url}.`));
    });
  });
  server.on('connection', (socket: Socket) => {
    feeds.set(socket, new NodeFeed(socket, (of) => owed.get(of)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function connected(): Promise<{ socket: Socket; answered: () => string[] }> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.setEncoding('latin1').on('data', (more: string) => (text += more));
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  const answered = (): string[] => [...text.matchAll(/to (\/\w+)\./gu)].map(([, url = '']) => url);
  return { socket, answered };
}

const get = (name: string): string => `GET /${name} HTTP/1.1\r\nHost: x\r\n\r\n`;
const post = (name: string, body: string): string =>
  `POST /${name} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (name: string, body: string): string =>
  `POST /${name} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n` +
  `${body.length.toString(16)}\r\n${body}\r\n0\r\nTrailer: x\r\n\r\n`;

test('of two thousand that come at once, one is begun', async () => {
  const { socket, answered } = await connected();
  socket.write(get('wait') + get('a').repeat(1_999));
  await until('it is begun', () => begun.length === 1);
  await pause(50);
  assert.deepEqual(begun, ['/wait 0']);
  letGo.pop()?.();
  await until('all are answered', () => answered().length === 2_000);
  assert.equal(openMax, 1);
});

test('a body is full of empty lines, and as long as it says', async () => {
  const { socket, answered } = await connected();
  const body = '\r\n\r\n'.repeat(200_000);
  socket.write(post('a', body) + chunked('b', body) + get('c'));
  await until('all are answered', () => answered().length === 3);
  assert.deepEqual(begun, [`/a ${body.length}`, `/b ${body.length}`, '/c 0']);
});

test('whatever is sent, and however it is cut: each is begun after the last is answered', async () => {
  const body = fc.stringMatching(/^[\r\n a]{1,12}$/u);
  const request = fc.oneof(
    fc.constant((name: string) => [get(name), 0] as const),
    body.map((text) => (name: string) => [post(name, text), text.length] as const),
    body.map((text) => (name: string) => [chunked(name, text), text.length] as const),
  );
  const requests = fc.array(request, { minLength: 1, maxLength: 6 });
  const cuts = fc.array(fc.nat(600), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(requests, cuts, async (kinds, at) => {
      [begun, open, openMax] = [[], 0, 0];
      const sent = kinds.map((kind, index) => kind(`r${index}`));
      const text = sent.map(([bytes]) => bytes).join('');
      const { socket, answered } = await connected();
      let from = 0;
      for (const end of [...new Set([...at, text.length])].toSorted((a, b) => a - b)) {
        socket.write(text.slice(from, end));
        from = end;
        await pause(1);
      }
      await until('all are answered', () => answered().length === sent.length);
      assert.deepEqual(
        begun,
        sent.map(([, length], index) => `/r${index} ${length}`),
      );
      assert.equal(openMax, 1);
      socket.destroy();
    }),
    { numRuns: 60 },
  );
});

test('byte by byte', async () => {
  const { socket, answered } = await connected();
  socket.setNoDelay(true);
  for (const byte of `\r\n${get('a')}${chunked('b', 'xy')}${post('c', 'z')}${get('d')}`) {
    socket.write(byte);
    await pause(1);
  }
  await until('all are answered', () => answered().length === 4);
  assert.deepEqual(begun, ['/a 0', '/b 2', '/c 1', '/d 0']);
  assert.equal(openMax, 1);
});

test('what is no HTTP is met behind the answer, and ends it', async () => {
  const errors: string[] = [];
  server.on('clientError', (error, socket) => {
    errors.push(error.message);
    socket.end('no');
  });
  const { socket, answered } = await connected();
  socket.write(`${get('wait')}\0\r\n\r\n${get('a')}`);
  await until('it is begun', () => begun.length === 1);
  await pause(50);
  assert.deepEqual(errors, []);
  letGo.pop()?.();
  await new Promise((resolve) => socket.once('close', resolve));
  assert.deepEqual(answered(), ['/wait']);
  assert.equal(errors.length, 1);
});
