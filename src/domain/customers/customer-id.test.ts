import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalOfId, twinOf, withSpaces } from './customer-id.ts';

test('an id may be any text that a URL can name', () => {
  for (const id of [
    '1',
    'cus_1',
    'a/b',
    '100 %',
    'a+b',
    '…',
    'search!',
    'Search',
    '...',
    '?#&=;',
    '\0',
  ]) {
    assert.equal(refusalOfId(id), undefined, id);
  }
  assert.equal(refusalOfId('search'), 'is a word of the API');
  assert.equal(refusalOfId('..'), 'would be lost from a URL');
  assert.equal(refusalOfId('a b+c'), 'has both spaces and plus signs');
});

test('spaces and plus signs are twins, as some SDKs write the one as the other', () => {
  assert.equal(twinOf('a b c'), 'a+b+c');
  assert.equal(twinOf('a+b+c'), 'a b c');
  assert.equal(twinOf('abc'), undefined);
  assert.equal(withSpaces('a b'), undefined);
  assert.equal(withSpaces('a+b'), 'a b');
});
