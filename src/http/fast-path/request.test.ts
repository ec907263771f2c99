/** Whatever the short way takes, node:http reads the same; and it takes what the SDKs send. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { duplexPair } from 'node:stream';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  PLAIN_BYTES_MAX,
  readPlainRequest,
  WAITED_FOR_BYTES_MAX,
  type PlainRequest,
} from './request.ts';

const BODY = 'event_name=requests&payload[value]=25';
const HEAD =
  'POST /v1/billing/meter_events HTTP/1.1\r\n' +
  'Host: 127.0.0.1:4242\r\nAuthorization: Bearer sk_test_1\r\nAccept: application/json\r\n' +
  'Content-Type: application/x-www-form-urlencoded\r\nUser-Agent: Stripe/v1 NodeBindings/23.1.0\r\n' +
  'X-Stripe-Client-User-Agent: {"lang":"node","os":"linux"}\r\nConnection: keep-alive\r\n';
const REQUEST = `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`;
const GET =
  'GET /v1/billing/meters/mtr_test_1/event_summaries?customer=cus_1&start_time=0&created[gt]=1&x=%5B%20a HTTP/1.1\r\n' +
  'Host: 127.0.0.1:4242\r\nAuthorization: Basic c2tfdGVzdF8xOg==\r\nAccept: */*\r\n\r\n';
const DELETE = GET.replace(/^GET (\S+?)\?\S+/u, 'DELETE $1');

type Read = Omit<PlainRequest, 'end'>;

/** The first request of these bytes, as node:http hands it on; undefined when it hands on none. */
async function readByNode(bytes: Buffer): Promise<Read | undefined> {
  const server = createServer();
  const [ours, theirs] = duplexPair();
  const read = new Promise<Read | undefined>((resolve) => {
    server.once('request', (message: IncomingMessage) => {
      const chunks: Buffer[] = [];
      message.on('data', (chunk: Buffer) => chunks.push(chunk));
      message.once('end', () => {
        const { method = '', url = '', headers } = message;
        resolve({ method, url, headers, body: Buffer.concat(chunks) });
      });
      message.once('error', () => resolve(undefined));
    });
    server.once('clientError', () => resolve(undefined));
    theirs.once('close', () => resolve(undefined));
  });
  theirs.on('error', () => undefined);
  server.emit('connection', theirs);
  ours.on('error', () => undefined).end(bytes);
  const result = await read;
  ours.destroy();
  theirs.destroy();
  return result;
}

async function assertAsNode(bytes: Buffer): Promise<'plain' | 'not'> {
  const plain = readPlainRequest(bytes);
  if (typeof plain === 'string' || 'needs' in plain) return 'not';
  const { method, url, headers, body, end } = plain;
  // What follows must not matter, so it is left out.
  const byNode = await readByNode(bytes.subarray(0, end));
  assert.deepEqual(byNode, { method, url, headers: { ...headers }, body });
  return 'plain';
}

test('what Stripe’s SDK sends is plain, and read as node:http reads it', async () => {
  const none = `${HEAD}Content-Length: 0\r\n\r\n`;
  const withBody = REQUEST.replace('POST', 'DELETE');
  const all = [REQUEST, none, GET, DELETE, withBody, REQUEST.replace('POST', 'GET')];
  for (const text of all) assert.equal(await assertAsNode(Buffer.from(text)), 'plain', text);
});

test('a query is read to the letter, whatever it may have', async () => {
  const letters = `azAZ09_/.~%!$&'()*+,;:=@?[]-`.split('');
  const query = fc.string({ unit: fc.constantFrom(...letters), maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(query, async (text) => {
      const bytes = Buffer.from(GET.replace(/\?\S+/u, () => `?${text}`));
      assert.equal(await assertAsNode(bytes), 'plain');
    }),
  );
});

test('a beginning of any length is a part of it, and what follows is the next one’s', () => {
  const bytes = Buffer.from(REQUEST);
  for (let length = 0; length < bytes.length; length += 1) {
    const headEnd = bytes.indexOf('\r\n\r\n') + 4;
    const needs = length < headEnd ? length + 1 : bytes.length;
    assert.deepEqual(readPlainRequest(bytes.subarray(0, length)), { needs });
  }
  for (let length = 0; length < GET.length; length += 1) {
    const begun = Buffer.from(GET.slice(0, length));
    assert.deepEqual(readPlainRequest(begun), { needs: length + 1 });
  }
  const plain = readPlainRequest(Buffer.from(`${REQUEST}GET /`));
  assert.ok(typeof plain !== 'string' && 'end' in plain);
  assert.equal(plain.end, bytes.length);
  assert.equal(plain.body.toString(), BODY);
});

describe('not plain, so that node:http decides', () => {
  const withHeader = (line: string): string => REQUEST.replace('Host:', `${line}\r\nHost:`);
  const CASES: Readonly<Record<string, string>> = {
    'another method': REQUEST.replace('POST', 'PUT'),
    'another method, from its first byte': 'H',
    'another path': REQUEST.replace('/v1/', '/healthz/'),
    'another path, of a GET': GET.replace('/v1/', '/metrics/'),
    'another path, from its first letter': 'GET /m',
    'an escape in a path': GET.replace('mtr_test_1', 'mtr%20'),
    'a fragment': GET.replace('?', '#?'),
    'a fragment behind a query': GET.replace('created', '#created'),
    'a quote in a query': GET.replace('created', '"created'),
    'a body of a GET in chunks': GET.replace('Accept:', 'Transfer-Encoding: chunked\r\nAccept:'),
    'a whole URL': REQUEST.replace('/v1/', 'http://x/v1/'),
    'HTTP/1.0': REQUEST.replace('HTTP/1.1', 'HTTP/1.0'),
    'no Host': REQUEST.replace(/Host: .*\r\n/u, ''),
    'no length': REQUEST.replace(/Content-Length: .*\r\n/u, ''),
    'two lengths': withHeader('Content-Length: 0'),
    'a length with a sign': REQUEST.replace('Content-Length: ', 'Content-Length: +'),
    'a list of lengths': REQUEST.replace(/(Content-Length: )(\d+)/u, '$1$2, $2'),
    'an empty length': REQUEST.replace(/(Content-Length:) \d+/u, '$1'),
    'a header twice, in another case': withHeader('AUTHORIZATION: Bearer sk_test_2'),
    chunks: withHeader('Transfer-Encoding: chunked'),
    'a wish to be asked first': withHeader('Expect: 100-continue'),
    'another protocol': withHeader('Upgrade: h2c'),
    'a connection that ends': REQUEST.replace('keep-alive', 'close'),
    'a connection that names a header': REQUEST.replace('keep-alive', 'keep-alive, x-a'),
    'a space before a colon': withHeader('X-A : b'),
    'a folded header': withHeader('X-A: b\r\n c'),
    'a bare CR': withHeader('X-A: b\rc'),
    'a bare LF': withHeader('X-A: b\nX-B: c'),
    'a NUL': withHeader('X-A: \0'),
    'a character beyond ASCII': withHeader('X-A: é'),
    'a name of nothing': withHeader(': b'),
    'what objects are born with': withHeader('__proto__: b'),
    'a body past the limit': `${HEAD}Content-Length: ${PLAIN_BYTES_MAX}\r\n\r\n`,
    'a larger body that is not there': `${HEAD}Content-Length: ${WAITED_FOR_BYTES_MAX}\r\n\r\n`,
    'headers past the limit': withHeader(`X-A: ${'a'.repeat(9000)}`),
    'headers past the limit, so far': HEAD + 'a'.repeat(9000),
  };
  for (const [name, text] of Object.entries(CASES)) {
    test(name, () => assert.equal(readPlainRequest(Buffer.from(text)), 'other'));
  }
});

const ODD = [
  '\r\n',
  '\r',
  '\n',
  ' ',
  '\t',
  ':',
  '0',
  '-',
  ',',
  '%',
  ';',
  '\0',
  '\u007f',
  '\u0080',
  'X-A: b\r\n',
  'A:\r\n',
  'TE: x\r\n',
  'Content-Length: 1\r\n',
  'Cookie: a=b\r\n',
  'Date: 1\r\n',
  'Range: 0-\r\n',
  'Transfer-Encoding: x\r\n',
  'Constructor: 1\r\n',
];
test('however a request is bent, what is still plain is what node:http reads', async () => {
  const piece = fc.oneof(fc.constantFrom(...ODD), fc.string({ unit: 'binary', maxLength: 3 }));
  const change = fc.record({ at: fc.nat(), cut: fc.nat(4), put: piece });
  const whole = fc.constantFrom(REQUEST, GET, DELETE);
  let plain = 0;
  await fc.assert(
    fc.asyncProperty(
      whole,
      fc.array(change, { minLength: 1, maxLength: 3 }),
      async (sent, changes) => {
        let text = sent;
        for (const { at, cut, put } of changes) {
          const from = at % text.length;
          text = text.slice(0, from) + put + text.slice(from + cut);
        }
        if ((await assertAsNode(Buffer.from(text, 'latin1'))) === 'plain') plain += 1;
      },
    ),
    { numRuns: 2000 },
  );
  assert.ok(plain > 100, `only ${plain} were plain`);
});
