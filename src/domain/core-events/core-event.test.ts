import assert from 'node:assert/strict';
import { test } from 'node:test';
import { previousAttributes } from './core-event.ts';

test('previous attributes are what differs: of a hash its differing keys, of a list all of it', () => {
  const before = { a: 1, b: 'x', c: { d: null, e: 2 }, f: [1, 2], g: null, h: { i: 1 } };
  const after = { a: 1, b: 'y', c: { d: 5, e: 2 }, f: [1, 3], g: null, h: null };
  assert.deepEqual(previousAttributes(before, after), {
    b: 'x',
    c: { d: null },
    f: [1, 2],
    h: { i: 1 },
  });
  assert.deepEqual(previousAttributes(before, before), {});
});

test('of what was not there before, the previous attribute is null', () => {
  const before = { metadata: { a: '1', b: '2' } };
  const after = { metadata: { b: '2', c: '3' }, business_name: 'B' };
  assert.deepEqual(previousAttributes(before, after), {
    metadata: { a: '1', c: null },
    business_name: null,
  });
});
