/** Answers that nobody fetches: what they take has an end, for a key and for all. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { until, within } from '../../test/support/wait.ts';
import type { Route } from '../api/route.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

const HEADERS = 'Host: x\r\nAuthorization: Bearer k\r\n';
/** More than the kernel holds for a client that does not read. */
const BYTES = 16_000_000;
let carriedOut = 0;
const route = (method: 'GET' | 'POST', path: string, length: number): Route => ({
  method,
  path,
  scope: 'meters.read',
  handle: () => {
    carriedOut += 1;
    return { text: 'x'.repeat(length) };
  },
});
const ROUTES = [
  route('GET', '/v1/much', BYTES),
  route('POST', '/v1/much', BYTES),
  route('GET', '/v1/some', 10_000),
  route('POST', '/v1/some', 10_000),
];

let server: TestServer;
let sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  [sockets, carriedOut] = [[], 0];
  await server.close();
});

async function send(method: string, path: string, body = ''): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  const head = `${method} ${path} HTTP/1.1\r\n${HEADERS}Content-Length: ${body.length}\r\n`;
  socket.write(`${head}\r\n${body}`);
  return socket;
}

/** Sends it and does not read; returns when it is carried out. */
async function leaveUnread(method: string, path: string): Promise<Socket> {
  const before = carriedOut;
  const socket = await send(method, path);
  socket.pause();
  await until('it is carried out', () => carriedOut === before + 1);
  return socket;
}

/** The status of an answer; 'closed' when there was none. */
async function statusOf(method: string, path: string): Promise<number | 'closed'> {
  const socket = await send(method, path);
  let text = '';
  socket.setEncoding('latin1').on('data', (more: string) => (text += more));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const answered = until('it is answered', () => text.includes('\r\n\r\n') || socket.destroyed);
  await within('it ends', Promise.race([closed, answered]));
  const status = /^HTTP\/1\.1 (\d{3}) /u.exec(text)?.[1];
  return status === undefined ? 'closed' : Number(status);
}

test('past the share of a key, its reads are refused, before they are made; changes are answered', async () => {
  server = await startTestServer(ROUTES, { answers: { ownerBytesMax: BYTES + 5_000 } });
  const unread = await leaveUnread('GET', '/v1/much');
  assert.equal(await statusOf('GET', '/v1/some'), 429);
  const carried = carriedOut;
  const more = await leaveUnread('POST', '/v1/some');
  assert.equal(carriedOut, carried + 1);
  more.resume();
  assert.equal(await statusOf('POST', '/v1/some'), 200);
  unread.destroy();
  await until('there is room', async () => (await statusOf('GET', '/v1/some')) === 200);
});

test('past what all may take, reads are refused, and a change is carried out and not answered', async () => {
  server = await startTestServer(ROUTES, { answers: { bytesMax: BYTES + 5_000 } });
  const unread = await leaveUnread('POST', '/v1/much');
  assert.equal(await statusOf('GET', '/v1/some'), 429);
  const before = carriedOut;
  assert.equal(await statusOf('POST', '/v1/some'), 'closed');
  assert.equal(carriedOut, before + 1);
  // Short ones have room always.
  unread.resume();
  await until('there is room', async () => (await statusOf('GET', '/v1/some')) === 200);
});
