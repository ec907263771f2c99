import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { WORDS_OF_URLS } from '../domain/customers/customer-id.ts';
import { ApiError } from '../domain/errors.ts';
import type { Route } from '../api/route.ts';
import { Router } from './router.ts';

const route = (method: Route['method'], path: string): Route => ({
  method,
  path,
  scope: 'meters.read',
  handle: () => ({}),
});
const LIST = route('GET', '/v1/billing/meters');
const CREATE = route('POST', '/v1/billing/meters');
const RETRIEVE = route('GET', '/v1/billing/meters/:id');
const UPDATE = route('POST', '/v1/billing/meters/:id');
const DEACTIVATE = route('POST', '/v1/billing/meters/:id/deactivate');
const DELETE = route('DELETE', '/v1/customers/:id');
const router = new Router([LIST, CREATE, RETRIEVE, UPDATE, DEACTIVATE, DELETE]);

function assertUnknown(method: string, path: string): void {
  assert.throws(
    () => router.find(method, path),
    (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.reason, 'url_unknown');
      assert.ok(error.message.includes(`(${method}: ${path.slice(0, 200)})`));
      assert.ok(error.message.length < 600);
      return true;
    },
    `${method} ${path}`,
  );
}

test('a method and a path lead to their route', () => {
  assert.equal(router.find('GET', LIST.path).route, LIST);
  assert.equal(router.find('POST', CREATE.path).route, CREATE);
  for (const [method, path, expected] of [
    ['GET', '/v1/billing/meters/mtr_1', RETRIEVE],
    ['POST', '/v1/billing/meters/mtr_1', UPDATE],
    ['POST', '/v1/billing/meters/mtr_1/deactivate', DEACTIVATE],
    ['DELETE', '/v1/customers/mtr_1', DELETE],
  ] as const) {
    const found = router.find(method, path);
    assert.equal(found.route, expected);
    assert.equal(found.pathParams['id'], 'mtr_1');
  }
});

test('a known path with another method is unknown', () => {
  assertUnknown('DELETE', '/v1/billing/meters');
  assertUnknown('PUT', '/v1/billing/meters/mtr_1');
  assertUnknown('GET', '/v1/billing/meters/mtr_1/deactivate');
  assertUnknown('HEAD', '/v1/billing/meters');
  assertUnknown('OPTIONS', '/v1/billing/meters');
  assertUnknown('', '/v1/billing/meters');
});

test('paths are exact: no other case, no trailing or doubled slash, nothing more or less', () => {
  for (const path of [
    '/v1//billing/meters',
    '/V1/billing/meters',
    '/v1/billing',
    '/v1/billing/meters/mtr_1/',
    '/v1/billing/meters/mtr_1/events',
    '/',
    '',
    '*',
  ]) {
    assertUnknown('GET', path);
  }
});

test('an empty id is unknown, as the answer to it says', () => {
  assertUnknown('GET', '/v1/billing/meters/');
  assertUnknown('POST', '/v1/billing/meters/');
  assertUnknown('POST', '/v1/billing/meters//deactivate');
});

test('an encoded slash is part of an id, not of the path', () => {
  const found = router.find('GET', '/v1/billing/meters/a%2Fb');
  assert.equal(found.route, RETRIEVE);
  assert.equal(found.pathParams['id'], 'a/b');
  const deeper = router.find('POST', '/v1/billing/meters/a%2Fdeactivate');
  assert.equal(deeper.route, UPDATE);
  assert.equal(deeper.pathParams['id'], 'a/deactivate');
});

test('an id is decoded once', () => {
  const id = (path: string) => router.find('GET', `/v1/billing/meters/${path}`).pathParams['id'];
  assert.equal(id('%252F'), '%2F');
  assert.equal(id('a%20b'), 'a b');
  assert.equal(id('%F0%9F%9A%95'), '🚕');
  assert.equal(id('a+b'), 'a+b', 'a plus is a space only in a query');
  assert.equal(id('__proto__'), '__proto__');
});

test('a percent sign that begins no byte, or bytes that are no text, are unknown', () => {
  for (const id of ['%', '%zz', 'a%2', '%ff', '%C3%28', '%ED%A0%80']) {
    assertUnknown('GET', `/v1/billing/meters/${id}`);
  }
});

test('an id longer than any of ours is unknown, and the answer is short', () => {
  assertUnknown('GET', `/v1/billing/meters/${'x'.repeat(5000)}`);
  assertUnknown('GET', `/${'x'.repeat(5000)}`);
});

test('a word that stands for another call at Stripe is no id, with any method', () => {
  for (const word of WORDS_OF_URLS) {
    assertUnknown('GET', `/v1/billing/meters/${word}`);
    assertUnknown('POST', `/v1/billing/meters/${word}`);
    assertUnknown('POST', `/v1/billing/meters/${word}/deactivate`);
    assertUnknown('DELETE', `/v1/customers/${word}`);
    assertUnknown('GET', `/v1/billing/meters/%${word.charCodeAt(0).toString(16)}${word.slice(1)}`);
    assert.ok(router.find('GET', `/v1/billing/meters/${word}_1`));
  }
});

test('all such words of Stripe’s SDK are known', () => {
  const resources = join(dirname(createRequire(import.meta.url).resolve('stripe')), 'resources');
  const paths = new Set<string>();
  for (const file of readdirSync(resources, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.js')) continue;
    const source = readFileSync(join(resources, file), 'utf8');
    for (const [path] of source.matchAll(/\/v[12]\/[^'"`]*/gu)) {
      paths.add(path.replaceAll(/\$\{[^}]*\}|:\w+/gu, '{id}'));
    }
  }
  assert.ok(paths.size > 400, `${paths.size} paths`);
  const words = new Set<string>();
  for (const path of paths) {
    const parts = path.split('/');
    for (const [n, part] of parts.entries()) {
      const isSibling =
        n > 2 && part !== '{id}' && paths.has([...parts.slice(0, n), '{id}'].join('/'));
      if (isSibling) words.add(part);
    }
  }
  assert.deepEqual(
    [...words].filter((word) => !WORDS_OF_URLS.has(word)),
    [],
  );
  assert.ok(words.has('search') && words.has('create_preview'));
});
