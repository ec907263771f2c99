import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readTarget } from './target.ts';

const SAME: Readonly<Record<string, readonly [path: string, query: string]>> = {
  '/v1/customers': ['/v1/customers', ''],
  '/v1/customers?limit=3&x=a?b': ['/v1/customers', 'limit=3&x=a?b'],
  '/v1/customers?': ['/v1/customers', ''],
  'http://x/v1/customers?limit=3': ['/v1/customers', 'limit=3'],
  'HTTPS://user@[::1]:4747/healthz': ['/healthz', ''],
  'http://x': ['/', ''],
  'http://x?a=http://y/v1/z': ['/', 'a=http://y/v1/z'],
  '/v1/http://x/y': ['/v1/http://x/y', ''],
  '//v1/customers': ['/v1/customers', ''],
  '//v2/core/events?limit=1': ['/v2/core/events', 'limit=1'],
  'http://x//v1/customers': ['/v1/customers', ''],
};
for (const [url, [path, query]] of Object.entries(SAME)) {
  test(`${url} is ${path} with '${query}'`, () => {
    assert.deepEqual(readTarget(url), { path, query });
  });
}

test('what only looks like another spelling stays what it is', () => {
  for (const path of [
    '//metrics',
    '//healthz',
    '///v1/customers',
    '/v1//customers',
    '//v1',
    '//v3/customers',
    '//x/v1/customers',
    'ftp://x/v1/customers',
    'x/http://y/healthz',
    '*',
  ]) {
    assert.deepEqual(readTarget(path), { path, query: '' });
  }
});

test('an authority in front changes nothing', () => {
  const text = fc.stringMatching(/^[/?#:@v12.x&=%]{0,12}$/u);
  fc.assert(
    fc.property(text, (rest) => {
      const url = `/a${rest}`;
      assert.deepEqual(readTarget(`http://x.example:80${url}`), readTarget(url));
    }),
  );
});
