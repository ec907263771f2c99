/** The short way in, between real sockets: which requests it answers, and what happens to the rest. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../lib/clock.ts';
import { NodeHttpCall, type HttpCall } from '../http-call.ts';
import { PlainConnections } from './connections.ts';
import { pause, until, within } from '../../../test/support/wait.ts';

const HEADERS = { 'Content-Type': 'text/plain', 'X-Of': 'us' };
const CHECK_EVERY_MS = 50;
const post = (name: string): string =>
  `POST /v1/${name} HTTP/1.1\r\nHost: x\r\nContent-Length: ${name.length}\r\n\r\n${name}`;
const get = (name: string): string => `GET /v1/${name} HTTP/1.1\r\nHost: x\r\n\r\n`;
/** Not plain. */
const put = (name: string): string => get(name).replace('GET', 'PUT');

let server: Server;
let plain: PlainConnections;
let sockets: Socket[] = [];
/** The URLs that came each way, in order. */
let tookPlain: string[] = [];
let tookNode: string[] = [];
/** Answers to /v1/wait… are held back until they are let go. */
let waiting: (() => void)[] = [];
/** Answers that are out, or that nobody waits for. */
let outs = 0;
/** Connections that node:http got. */
let handedOver = 0;

async function start(limits: { keepAliveMs?: number; stalledTimeoutMs?: number }): Promise<void> {
  [tookPlain, tookNode, waiting, sockets, outs, handedOver] = [[], [], [], [], 0, 0];
  server = createServer((message, response) => {
    tookNode.push(message.url ?? '');
    void answer(new NodeHttpCall(message, response));
  });
  server.on('connection', () => (handedOver += 1));
  const usual = { keepAliveMs: 65_000, stalledTimeoutMs: 120_000 };
  const all = { ...usual, checkEveryMs: CHECK_EVERY_MS, ...limits };
  server.keepAliveTimeout = all.keepAliveMs;
  plain = new PlainConnections(server, systemClock, all, {
    take: (call) => {
      tookPlain.push(call.url);
      void answer(call);
    },
    readsPlain: true,
    handedOver: () => undefined,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

async function answer(call: HttpCall): Promise<void> {
  call.onceOut(() => (outs += 1));
  if (call.url.includes('wait')) await new Promise<void>((resolve) => waiting.push(resolve));
  else await Promise.resolve();
  const body = call.url.includes('much') ? 'é'.repeat(1_000_000) : `to ${call.url}.`;
  const headers = { ...HEADERS, 'Content-Length': Buffer.byteLength(body) };
  call.answer(200, call.url.includes('last') ? { ...headers, Connection: 'close' } : headers, body);
}

type Client = { readonly socket: Socket; text: () => string; readonly closed: Promise<string> };

async function open(): Promise<Client> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.setEncoding('utf8').on('data', (more: string) => (text += more));
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text)));
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, text: () => text, closed };
}

/** Reads some 700,000 characters, of what there is, and no more: a fast machine would read all of it between two looks. */
async function fetchPart(socket: Socket): Promise<void> {
  let length = 0;
  await new Promise<void>((resolve) => {
    const look = (more: string): void => {
      length += more.length;
      if (length < 700_000) return;
      socket.off('data', look).pause();
      resolve();
    };
    socket.on('data', look);
    socket.resume();
  });
}

/** Lets so much time pass for the checks, which know no other: so a slow machine is not taken for a slow client. */
function elapse(ms: number): void {
  mock.timers.tick(ms);
}

async function connectionsOf(of: Server): Promise<number> {
  return await new Promise((resolve) => of.getConnections((_error, count) => resolve(count)));
}

/** What the answers are to, in order. */
function answered(text: string): string[] {
  return [...text.matchAll(/\r\n\r\nto (\/v1\/\w+)\./gu)].map(([, url = '']) => url);
}

beforeEach(async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  await start({});
});
afterEach(async () => {
  mock.timers.reset();
  for (const letGo of waiting) letGo();
  for (const socket of sockets) socket.destroy();
  server.closeAllConnections();
  plain.close();
  await new Promise((resolve) => server.close(resolve));
});

test('an answer has the headers that node:http would give it', async () => {
  const { socket, text } = await open();
  socket.write(post('a'));
  await until('an answer', () => answered(text()).length === 1);
  const ours = text();
  socket.write(put('a'));
  await until('two answers', () => answered(text()).length === 2);
  const theirs = text().slice(ours.length);
  const withoutDate = (answer: string): string => answer.replace(/Date: [^\r]+ GMT/u, 'Date');
  assert.match(ours, /\r\nDate: [^\r]+ GMT\r\n/u);
  assert.equal(withoutDate(ours), withoutDate(theirs));
  assert.deepEqual([tookPlain, tookNode], [['/v1/a'], ['/v1/a']]);
});

test('requests are answered in order, however they arrive and whoever answers them', async () => {
  const way = fc.array(fc.constantFrom(post, get, put), { minLength: 1, maxLength: 6 });
  const cuts = fc.array(fc.nat(400), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(way, cuts, async (ways, at) => {
      [tookPlain, tookNode] = [[], []];
      const sent = ways.map((request, i) => request(`r${i}`));
      const text = sent.join('');
      const ends = [...new Set([...at, text.length])].sort((a, b) => a - b);
      const client = await open();
      let from = 0;
      for (const end of ends) {
        client.socket.write(text.slice(from, end));
        from = end;
        await pause(1);
      }
      await until('all answers', () => answered(client.text()).length === sent.length);
      const urls = ways.map((_, i) => `/v1/r${i}`);
      assert.deepEqual(answered(client.text()), urls);
      // From the first that is not plain on, all are node:http's.
      const first = ways.indexOf(put);
      const taken = first === -1 ? urls.length : first;
      assert.deepEqual([tookPlain, tookNode], [urls.slice(0, taken), urls.slice(taken)]);
      client.socket.destroy();
    }),
    { numRuns: 60 },
  );
});

test('one at a time: what follows waits for the answer, and is not read', async () => {
  const { socket, text } = await open();
  socket.write(post('wait') + get('b') + put('c'));
  await until('it is taken', () => waiting.length === 1);
  socket.write(put('d'));
  await pause(50);
  assert.deepEqual([tookPlain, tookNode], [['/v1/wait'], []]);
  waiting.pop()?.();
  await until('all answers', () => answered(text()).length === 4);
  assert.deepEqual(answered(text()), ['/v1/wait', '/v1/b', '/v1/c', '/v1/d']);
});

describe('a client that has said all', () => {
  test('after a request: it is answered, and the connection ends', async () => {
    const { socket, closed } = await open();
    socket.end(post('wait') + post('b'));
    await until('it is taken', () => waiting.length === 1);
    waiting.pop()?.();
    assert.deepEqual(answered(await closed), ['/v1/wait', '/v1/b']);
  });

  test('after many: each of them is answered, whenever the end comes', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `r${i}`);
    for (let afterMs = -1; afterMs < 4; afterMs += 1) {
      for (let time = 0; time < 20; time += 1) {
        const { socket, closed } = await open();
        socket.write(names.map(post).join(''));
        if (afterMs >= 0) await pause(afterMs);
        socket.end();
        assert.deepEqual(
          answered(await closed),
          names.map((name) => `/v1/${name}`),
        );
      }
    }
    assert.equal(tookNode.length, 0);
  });

  test('behind a request that is not answered yet, within the next one', async () => {
    const { socket, closed } = await open();
    server.on('clientError', (_error, of) => of.end('no'));
    socket.end(post('wait') + post('half').slice(0, -1));
    await until('it is taken', () => waiting.length === 1);
    await pause(20);
    waiting.pop()?.();
    const text = await closed;
    assert.deepEqual(answered(text), ['/v1/wait']);
    assert.ok(text.endsWith('no'), text);
  });

  test('within a request: it is no HTTP', async () => {
    const refused: unknown[] = [];
    server.once('clientError', (error, socket) => {
      refused.push(error);
      socket.end('no');
    });
    const { socket, closed } = await open();
    socket.end(post('a').slice(0, -1));
    assert.equal(await closed, 'no');
    assert.equal(refused.length, 1);
  });

  test('without a word: the connection ends', async () => {
    const { socket, closed } = await open();
    socket.end();
    assert.equal(await closed, '');
  });
});

describe('a connection ends', () => {
  test('with the answer that says so', async () => {
    const { socket, closed } = await open();
    socket.write(post('last') + post('never'));
    const text = await closed;
    assert.deepEqual(answered(text), ['/v1/last']);
    assert.match(text, /\r\nConnection: close\r\nDate: /u);
    assert.doesNotMatch(text, /Keep-Alive/u);
    assert.deepEqual(tookPlain, ['/v1/last']);
  });

  test('when nothing comes for too long', async () => {
    await new Promise((resolve) => server.close(resolve));
    await start({ keepAliveMs: 100 });
    const { socket, text, closed } = await open();
    socket.write(post('a'));
    await until('an answer', () => answered(text()).length === 1);
    await until('it is out', () => outs === 1);
    elapse(1_100);
    assert.equal(socket.closed, false, 'a moment later than it was told');
    elapse(2 * CHECK_EVERY_MS);
    assert.deepEqual(answered(await closed), ['/v1/a']);
  });

  test('when its answers are not fetched', async () => {
    await new Promise((resolve) => server.close(resolve));
    await start({ stalledTimeoutMs: 300 });
    const { socket } = await open();
    socket.pause();
    socket.write(post('much').repeat(50));
    const held = new Promise<boolean>((resolve) => socket.once('close', resolve));
    // As much as the kernel holds is out; the next waits, and no other is begun.
    await until('one is begun', () => tookPlain.length > 0);
    await until('it is let go', async () => (await connectionsOf(server)) === 0);
    assert.ok(tookPlain.length < 50, `${tookPlain.length} were begun`);
    socket.resume();
    await held;
  });

  test('when its answer is not made', async () => {
    await new Promise((resolve) => server.close(resolve));
    await start({ stalledTimeoutMs: 300 });
    const { socket, closed } = await open();
    socket.write(get('wait'));
    await until('it is taken', () => waiting.length === 1);
    await until('it is let go', async () => {
      elapse(CHECK_EVERY_MS);
      return (await connectionsOf(server)) === 0;
    });
    assert.equal(await closed, '');
  });

  test('within a request: nobody waits for the answer any more', async () => {
    const { socket } = await open();
    socket.write(post('wait'));
    await until('it is taken', () => waiting.length === 1);
    assert.equal(outs, 0);
    socket.resetAndDestroy();
    await until('it is told', () => outs === 1);
    waiting.pop()?.();
    await pause(20);
    assert.equal(outs, 1, 'once');
  });
});

test('a large answer in more than ASCII arrives whole, and the next one after it', async () => {
  const { socket, text } = await open();
  socket.write(post('much') + post('b'));
  await until('the next answer', () => answered(text()).includes('/v1/b'));
  assert.equal(text().match(/é/gu)?.length, 1_000_000);
});

test('an answer may take as long as some of it is fetched now and then', async () => {
  await new Promise((resolve) => server.close(resolve));
  const stalledTimeoutMs = 2_000;
  await start({ stalledTimeoutMs });
  const { socket, text } = await open();
  socket.write(post('much').repeat(10) + post('b'));
  for (let part = 0; part < 12; part += 1) {
    await within('a part', fetchPart(socket));
    // Then nothing for a while; the checks, of which far more time has passed, do not end it.
    elapse(stalledTimeoutMs);
    await pause(stalledTimeoutMs / 6);
  }
  socket.resume();
  await until('the last answer', () => answered(text()).includes('/v1/b'));
  assert.equal(text().match(/é/gu)?.length, 10_000_000);
});

test('a request that does not come at once is node:http’s', async () => {
  const { socket, text } = await open();
  const slow = post('slow');
  socket.write(slow.slice(0, 20));
  await until('it is handed over', () => {
    elapse(CHECK_EVERY_MS);
    return handedOver === 1;
  });
  socket.write(slow.slice(20));
  await until('an answer', () => answered(text()).length === 1);
  assert.deepEqual([tookPlain, tookNode], [[], ['/v1/slow']]);
});
