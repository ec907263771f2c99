/**
 * Hostile input, first part: bytes that are not one well-formed request. Each is refused in the envelope, the
 * connection is closed, and what a second reader could take for a second request is never carried out.
 * Slow clients and too many of them: src/http/connections.test.ts. Bodies: hostile-bodies.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { call, errorOf } from '../support/http.ts';
import { exchange, statuses, type Exchange } from '../support/raw.ts';
import { newClient } from '../support/sdk.ts';
import { Server, TEST_KEY } from '../support/server.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

const AUTH = `Authorization: Bearer ${TEST_KEY}\r\n`;
const FORM = 'Content-Type: application/x-www-form-urlencoded\r\n';
const HEAD = `POST /v1/customers HTTP/1.1\r\nHost: x\r\n${AUTH}${FORM}`;
const GET = `GET /v1/customers HTTP/1.1\r\n`;
/** What a smuggler hopes to have taken for a request of its own. */
const SMUGGLED = `${HEAD}Content-Length: 13\r\n\r\nname=smuggled`;
const CHUNKED = '6\r\nname=x\r\n0\r\n\r\n';

function assertRefused(answer: Exchange, status: number): void {
  assert.deepEqual(statuses(answer), [status], answer.text);
  assert.ok(answer.closed, 'the connection stayed open');
  const [head = '', body = ''] = answer.text.split('\r\n\r\n');
  assert.match(head, /\r\nConnection: close/u);
  assert.match(head, /\r\nRequest-Id: req_\w+/u);
  assert.match(head, /\r\nContent-Type: application\/json/u);
  const { error } = JSON.parse(body) as { error: Readonly<Record<string, string>> };
  assert.deepEqual(Object.keys(error), ['message', 'type']);
  assert.equal(error['type'], 'invalid_request_error');
  // Neither who parsed it nor where it failed.
  assert.doesNotMatch(answer.text, /HPE_|llhttp|Parse Error|node|\.ts|\bat \//iu);
}

/** All refused with 400: by the headers as they are, before what follows. */
const LENGTHS: Readonly<Record<string, string>> = {
  'a length and chunks': 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'chunks and a length': 'Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n',
  'two lengths': 'Content-Length: 6\r\nContent-Length: 0\r\n\r\n',
  'the same length twice': 'Content-Length: 6\r\nContent-Length: 6\r\n\r\nname=x',
  'a list of lengths': 'Content-Length: 6, 6\r\n\r\nname=x',
  'a length with a sign': 'Content-Length: +6\r\n\r\nname=x',
  'a length below nothing': 'Content-Length: -6\r\n\r\nname=x',
  'a length in hex': 'Content-Length: 0x6\r\n\r\nname=x',
  'a length of 23 digits': 'Content-Length: 99999999999999999999999\r\n\r\nname=x',
  'a coding that is almost chunked': `Transfer-Encoding: xchunked\r\n\r\n${CHUNKED}`,
  'chunked, but not last': `Transfer-Encoding: chunked, identity\r\n\r\n${CHUNKED}`,
  'chunked after identity': `Transfer-Encoding: identity, chunked\r\n\r\n${CHUNKED}`,
  'chunked after gzip': `Transfer-Encoding: gzip, chunked\r\n\r\n${CHUNKED}`,
  'chunked twice': `Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
  'a space before the colon': `Transfer-Encoding : chunked\r\n\r\n${CHUNKED}`,
  'a folded header': `X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
  'a bare CR': 'X-A: b\rContent-Length: 6\r\n\r\nname=x',
  'a bare LF': 'Content-Length: 6\n\nname=x',
  'a NUL in a header': 'X-A: a\0b\r\nContent-Length: 6\r\n\r\nname=x',
  'a chunk without a size': 'Transfer-Encoding: chunked\r\n\r\nx\r\nname=x\r\n0\r\n\r\n',
  'a chunk of 2^68 bytes': 'Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nname=x\r\n',
  'a chunk below nothing': 'Transfer-Encoding: chunked\r\n\r\n-6\r\nname=x\r\n0\r\n\r\n',
  'a chunk longer than it says': 'Transfer-Encoding: chunked\r\n\r\n3\r\nname=x\r\n0\r\n\r\n',
  'chunks that end in bare LF': 'Transfer-Encoding: chunked\r\n\r\n6\nname=x\n0\n\n',
  'a chunk extension of 20 KB': `Transfer-Encoding: chunked\r\n\r\n6;${'a'.repeat(20_000)}\r\nname=x\r\n`,
};
describe('where a body ends could be read in two ways', () => {
  for (const [name, rest] of Object.entries(LENGTHS)) {
    test(name, async () => {
      assertRefused(await exchange(server, HEAD + rest + SMUGGLED), 400);
    });
  }

  test('chunks in HTTP/1.0, which has none', async () => {
    const head = HEAD.replace('HTTP/1.1', 'HTTP/1.0');
    const sent = `${head}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`;
    assertRefused(await exchange(server, sent + SMUGGLED), 400);
  });
});

describe('a header twice', () => {
  const LENGTH = 'Content-Length: 6\r\n\r\nname=x';
  for (const header of [
    'Host: y',
    'Authorization: Bearer sk_test_other',
    'authorization: Bearer sk_test_other',
    'Content-Type: application/json',
  ]) {
    test(header, async () => {
      assertRefused(await exchange(server, `${HEAD}${header}\r\n${LENGTH}${SMUGGLED}`), 400);
    });
  }
  for (const name of ['Idempotency-Key', 'Stripe-Account', 'Stripe-Version', 'Content-Encoding']) {
    test(name, async () => {
      const twice = `${name}: a\r\n${name.toUpperCase()}: b\r\n`;
      assertRefused(await exchange(server, `${HEAD}${twice}${LENGTH}${SMUGGLED}`), 400);
    });
  }

  test('also behind two thousand others, after which Node would leave it out', async () => {
    const many = 'a:\r\n'.repeat(2_500);
    const sent = `${HEAD}${many}Authorization: Bearer sk_test_other\r\n${LENGTH}`;
    assertRefused(await exchange(server, sent), 400);
  });

  test('any other, such as __proto__, does no harm', async () => {
    const names = ['Accept', '__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const lines = [...names, ...names].map((name) => `${name}: a\r\n`).join('');
    const sent = `${GET}Host: x\r\n${AUTH}${lines}Connection: close\r\n\r\n`;
    assert.deepEqual(statuses(await exchange(server, sent)), [200]);
  });
});

describe('what is no request', () => {
  const WRONG: Readonly<Record<string, string | Buffer>> = {
    'no Host': `${GET}${AUTH}\r\n`,
    'HTTP/0.9': 'GET /v1/customers\r\n\r\n',
    'HTTP/3.7': 'GET /v1/customers HTTP/3.7\r\nHost: x\r\n\r\n',
    'HTTP/2, from the start': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'a TLS hello': Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
    zeros: Buffer.alloc(100),
    'a method in lower case': 'get /v1/customers HTTP/1.1\r\nHost: x\r\n\r\n',
    'a method that nobody knows': 'BREW /v1/customers HTTP/1.1\r\nHost: x\r\n\r\n',
    'a space in the URL': 'GET /v1/customers?a b HTTP/1.1\r\nHost: x\r\n\r\n',
    'bytes above ASCII in the URL': 'GET /v1/customers/\u00e9 HTTP/1.1\r\nHost: x\r\n\r\n',
  };
  for (const [name, bytes] of Object.entries(WRONG)) {
    test(name, async () => assertRefused(await exchange(server, bytes), 400));
  }

  test('headers, or a URL, of more than 16 KB', async () => {
    const long = 'y'.repeat(20_000);
    assertRefused(await exchange(server, `${GET}Host: x\r\n${AUTH}X: ${long}\r\n\r\n`), 431);
    assertRefused(await exchange(server, `GET /${long} HTTP/1.1\r\nHost: x\r\n\r\n`), 431);
  });

  test('CONNECT is closed without a word', async () => {
    const answer = await exchange(server, `CONNECT x:443 HTTP/1.1\r\nHost: x\r\n${AUTH}\r\n`);
    assert.deepEqual(answer, { text: '', closed: true });
  });
});

describe('answers', () => {
  test('say to nobody else, and name no version of what runs here', async () => {
    for (const path of ['/v1/customers', '/v1/nope', '/healthz']) {
      const { headers } = await call(server, { path });
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers['x-content-type-options'], 'nosniff');
      for (const name of ['server', 'x-powered-by', 'via']) assert.equal(headers[name], undefined);
    }
  });

  test('no header of a request gets into an answer as more than its value', async () => {
    const sent = `${GET}Host: x\r\n${AUTH}Idempotency-Key: a%0d%0aX-Evil: 1\r\nStripe-Version: \u00ff\r\nConnection: close\r\n\r\n`;
    const { text } = await exchange(server, sent);
    assert.match(text, /\r\nIdempotency-Key: a%0d%0aX-Evil: 1\r\n/u);
    assert.doesNotMatch(text, /\r\nX-Evil/u);
  });
});

test('after all this nobody was smuggled in, and the server is well', async () => {
  assert.deepEqual((await newClient(server).customers.list()).data, []);
  const unknown = await call(server, { path: '/v1/nope' });
  assert.equal(unknown.status, 404, errorOf(unknown).message);
  assert.doesNotMatch(server.stderr, /"level":"(?:error|warn)"/u, 'no failure was logged');
  assert.equal((await server.stop()).code, 0);
});
