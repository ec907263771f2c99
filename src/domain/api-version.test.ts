import assert from 'node:assert/strict';
import { test } from 'node:test';
import { API_VERSION, parseApiVersion } from './api-version.ts';

test('a version is the day of its release, and since 2024 has the name of its train', () => {
  for (const version of [
    API_VERSION,
    '2011-01-01',
    '2020-08-27',
    '2024-02-29',
    '2025-03-31.basil',
    '2025-03-31.preview',
    '2031-01-01.zinnia',
  ]) {
    assert.equal(parseApiVersion(version), version);
  }
});

test('the features of a beta are no part of the version', () => {
  assert.equal(parseApiVersion('2022-11-15; orders_beta=v4'), '2022-11-15');
  assert.equal(parseApiVersion('2025-03-31.preview; a=v1; b=v2'), '2025-03-31.preview');
});

test('anything else names no version', () => {
  for (const text of [
    '',
    'nonsense',
    'latest',
    '2019-2-19',
    '2025-02-29',
    '2025-13-01',
    '2010-12-31',
    '2025-03-31.',
    '2025-03-31.Basil',
    '2025-03-31basil',
    '2019-12-03, 2019-12-03',
    ' 2025-03-31',
    '2025-03-31\n',
    '2025-03-31;',
    '٢٠٢٥-٠٣-٣١',
  ]) {
    assert.equal(parseApiVersion(text), undefined, text);
  }
});
