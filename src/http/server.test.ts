/** What no route of the API does by itself: the pipeline, with routes made for it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApiError } from '../domain/errors.ts';
import { Reply, type Route } from '../api/route.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let server: TestServer;
let url = '';

const busy: Route['handle'] = () => {
  throw new ApiError('rate_limit', 'Too much at once.');
};
const ROUTES: readonly Route[] = [
  { method: 'POST', path: '/v1/busy', scope: 'meters.read', handle: busy },
  { method: 'POST', path: '/v2/busy', scope: 'meters.read', body: { json: {} }, handle: busy },
  {
    method: 'POST',
    path: '/v2/echo',
    scope: 'meters.read',
    body: 'raw_json',
    keepsNoAnswer: true,
    handle: ({ bytes, headers }) =>
      new Reply(
        { json: JSON.parse(bytes.toString()) as object },
        { 'Preference-Applied': String(headers['prefer']) },
      ),
  },
];

before(async () => {
  server = await startTestServer(ROUTES);
  url = `http://127.0.0.1:${server.port}`;
});
after(async () => await server.close());

async function post(
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<Response> {
  return await fetch(url + path, {
    method: 'POST',
    headers: { authorization: 'Bearer k', 'content-type': 'application/json', ...headers },
    body,
  });
}

test('whoever sends too much is asked to come again, in the words of the version', async () => {
  for (const [path, error] of [
    [
      '/v1/busy',
      { code: 'rate_limit', message: 'Too much at once.', type: 'invalid_request_error' },
    ],
    ['/v2/busy', { code: 'rate_limit', message: 'Too much at once.', type: 'rate_limit' }],
  ] as const) {
    const answer = await post(path);
    assert.equal(answer.status, 429);
    assert.deepEqual(await answer.json(), { error });
    assert.equal(answer.headers.get('retry-after'), '1');
    // Without it, SDKs do not try a 429 again.
    assert.equal(answer.headers.get('stripe-should-retry'), 'true');
  }
});

test('a handler may add headers to its answer, also to that of a keyed request', async () => {
  for (const key of [{}, { 'idempotency-key': 'k' }] as const) {
    const answer = await post('/v2/echo', { prefer: 'return=minimal', ...key }, '{"a":[1,"ü"]}');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('preference-applied'), 'return=minimal');
    assert.deepEqual(await answer.json(), { json: { a: [1, 'ü'] } });
  }
});

test('bytes that are not UTF-8 are refused before they are parsed', async () => {
  const answer = await fetch(`${url}/v2/echo`, {
    method: 'POST',
    headers: { authorization: 'Bearer k' },
    body: Buffer.from('{"a":"\xff"}', 'latin1'),
  });
  assert.equal(answer.status, 400);
  assert.deepEqual(await answer.json(), {
    error: { code: 'body_invalid', message: 'Invalid request body: not UTF-8.' },
  });
});
