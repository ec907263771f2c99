/** What no route of the API does by itself: the pipeline, with routes made for it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { aKey } from '../catalog/contract/fixtures.ts';
import { openSqliteCatalog } from '../catalog/sqlite/sqlite-catalog.ts';
import { systemClock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { AnsweredKeys } from '../ingest/answered-keys.ts';
import { NamespaceHashes } from '../ingest/namespace-hashes.ts';
import { openSqliteJournal } from '../journal/sqlite/thread-journal.ts';
import { Access } from './access.ts';
import { Reply, type Route } from './api.ts';
import { hashSecret } from './auth.ts';
import { Idempotency } from './idempotency.ts';
import { ApiServer } from './server.ts';

const server = new ApiServer(systemClock);
let url = '';
let close = async (): Promise<void> => undefined;

const busy: Route['handle'] = () => {
  throw new ApiError('rate_limit', 'Too much at once.');
};
const ROUTES: readonly Route[] = [
  { method: 'POST', path: '/v1/busy', scope: 'meters.read', handle: busy },
  { method: 'POST', path: '/v2/busy', scope: 'meters.read', body: 'json', handle: busy },
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
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-server-'));
  const catalog = openSqliteCatalog(join(folder, 'catalog.db'));
  const journal = await openSqliteJournal(join(folder, 'journal.db'));
  const answered = new AnsweredKeys(new NamespaceHashes(journal.hashKey), {
    owner: journal.id,
    dataFolder: folder,
    lastPosition: 0,
    onFailure: (error) => assert.fail(String(error)),
  });
  await catalog.keys.create(aKey('key_1'), hashSecret('k'));
  server.serve({
    routes: ROUTES,
    idempotency: new Idempotency(answered, catalog.answers, journal),
    access: new Access({
      keys: catalog.keys,
      sessions: catalog.sessions,
      limits: { rateLimit: undefined, authFailuresMax: 20, proxies: 0 },
    }),
    stuck: () => undefined,
  });
  url = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
  close = async () => {
    await server.close();
    catalog.close();
    await journal.close();
    rmSync(folder, { recursive: true });
  };
});
after(async () => await close());

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
