import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:net';
import { test, type TestContext } from 'node:test';
import { ANSWER_LENGTH_MAX } from '../domain/core-events/delivery.ts';
import { Sender, type SenderOptions } from './sender.ts';
import { PATIENCE_MS } from '../../test/support/wait.ts';
import { Receiver, type Answer } from '../../test/support/webhook-receiver.ts';
import { REFUSED_URLS } from './testing/ssrf-corpus.ts';

/** Short enough to wait for: for answers that never end. */
const SHORT: SenderOptions = { allowPrivate: true, answerTimeoutMs: 1000 };
/** Long enough for any machine: for all others. */
const LONG: SenderOptions = { allowPrivate: true, answerTimeoutMs: PATIENCE_MS };

async function start(
  t: TestContext,
  options = LONG,
): Promise<{ readonly receiver: Receiver; readonly sender: Sender }> {
  const receiver = await Receiver.start();
  const sender = new Sender(options);
  t.after(async () => {
    await sender.close();
    await receiver.close();
  });
  return { receiver, sender };
}

test('a delivery is a POST of JSON with a signature, and its answer is told', async (t) => {
  const { receiver, sender } = await start(t);
  receiver.answer = (_got, response) => void response.writeHead(202).end('thanks é');
  const { durationMs, ...sent } = await sender.post(receiver.url, '{"é":1}', 't=1,v1=ab');
  assert.deepEqual(sent, { status: 202, answer: 'thanks é', error: null });
  assert.ok(Number.isInteger(durationMs));
  const [got] = receiver.got;
  assert.deepEqual([got?.path, got?.body], ['/hook', '{"é":1}']);
  assert.equal(got?.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(got?.headers['stripe-signature'], 't=1,v1=ab');
  assert.equal(got?.headers['content-length'], '8');
});

test('a redirect is not followed, whatever it is called', async (t) => {
  const { receiver, sender } = await start(t);
  for (const status of [301, 302, 303, 307, 308]) {
    receiver.got.length = 0;
    receiver.answer = (_got, response) =>
      void response.writeHead(status, { location: receiver.url }).end();
    assert.equal((await sender.post(receiver.url, '{}', '')).status, status);
    assert.equal(receiver.got.length, 1);
  }
});

test('of a long answer the start is kept, also of one that never ends or breaks off', async (t) => {
  const { receiver, sender } = await start(t);
  const { sender: impatient } = await start(t, SHORT);
  const answers: Record<string, Answer> = {
    long: (_got, response) => void response.end('🚕'.repeat(1_000_000)),
    endless: (_got, response) => void response.write('start'),
    broken: (_got, response) => {
      response.writeHead(500, { 'content-length': '100' });
      response.write('start', () => response.destroy());
    },
  };
  receiver.answer = answers['long'] ?? assert.fail();
  const long = await sender.post(receiver.url, '{}', '');
  assert.equal(long.answer, '🚕'.repeat(ANSWER_LENGTH_MAX / 2));
  receiver.answer = answers['endless'] ?? assert.fail();
  const endless = await impatient.post(receiver.url, '{}', '');
  assert.deepEqual([endless.status, endless.answer], [200, 'start']);
  receiver.answer = answers['broken'] ?? assert.fail();
  const broken = await sender.post(receiver.url, '{}', '');
  assert.deepEqual([broken.status, broken.answer], [500, 'start']);
});

test('who hangs, closes, talks no HTTP, sends huge headers or is not there is an error, not a hang', async (t) => {
  const { receiver, sender } = await start(t);
  const { sender: impatient } = await start(t, SHORT);
  const errorOf = async (url: string, by = sender): Promise<string> => {
    const { status, answer, error } = await by.post(url, '{}', '');
    assert.deepEqual([status, answer], [null, null]);
    return error ?? '';
  };
  receiver.answer = () => undefined;
  assert.match(await errorOf(receiver.url, impatient), /No answer within 1000 ms/u);
  receiver.answer = (_got, response) => void response.destroy();
  assert.match(await errorOf(receiver.url), /./u);
  receiver.answer = (_got, response) =>
    void response.writeHead(200, { 'x-huge': 'a'.repeat(20_000) }).end();
  assert.match(await errorOf(receiver.url), /header/iu);

  const raw = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end('SSH-2.0-x\r\n'),
  );
  await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
  const { port } = raw.address() as { port: number };
  assert.match(await errorOf(`http://127.0.0.1:${port}/`), /./u);
  raw.close();
  await new Promise((resolve) => raw.once('close', resolve));
  assert.match(await errorOf(`http://127.0.0.1:${port}/`), /ECONNREFUSED/u);
});

test('nothing of the corpus is ever connected to', async (t) => {
  const { sender } = await start(t, {
    allowPrivate: false,
    resolve: () => assert.fail('asked for a name'),
  });
  for (const url of REFUSED_URLS) {
    const { status, error } = await sender.post(url, '{}', '');
    assert.equal(status, null);
    assert.match(error ?? '', /^Not delivered: the URL /u, url);
  }
});

test('a name is resolved once for a connection: a second answer is never asked for', async (t) => {
  const answers: LookupAddress[][] = [
    [{ address: '127.0.0.1', family: 4 }],
    [{ address: '192.0.2.1', family: 4 }],
  ];
  let asked = 0;
  const { receiver, sender } = await start(t, {
    allowPrivate: true,
    resolve: (_name, _options, callback) => callback(null, answers[asked++] ?? []),
  });
  const { status } = await sender.post(`http://rebinds.example:${receiver.port}/`, '{}', '');
  assert.deepEqual([status, asked], [200, 1]);
  assert.equal(receiver.got[0]?.headers.host, `rebinds.example:${receiver.port}`);
});

test('a name that was public when the URL was set and is private now is not connected to', async (t) => {
  for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '169.254.169.254', '::1']) {
    const { receiver, sender } = await start(t, {
      allowPrivate: false,
      resolve: (_name, _options, callback) =>
        callback(null, [{ address, family: address.includes(':') ? 6 : 4 }]),
    });
    const url = `https://rebinds.example.com:${receiver.port}/`;
    const { status, error } = await sender.post(url, '{}', '');
    assert.equal(status, null);
    assert.match(error ?? '', /^Not delivered: rebinds\.example\.com is at /u);
    assert.deepEqual(receiver.got, []);
  }
});

test('closing ends what is under way', async (t) => {
  const { receiver, sender } = await start(t);
  const arrived = new Promise<void>((resolve) => {
    receiver.answer = () => resolve();
  });
  const sent = sender.post(receiver.url, '{}', '');
  await arrived;
  await sender.close();
  assert.equal((await sent).status, null);
});
