import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, type ErrorCode } from '../../domain/errors.ts';
import { parseForm } from './form.ts';
import { parsePage } from './pagination.ts';

function refusal(reason: ErrorCode, param: string) {
  return (error: unknown): true => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.reason, error.param], [reason, param]);
    return true;
  };
}

test('a page has ten items and no cursor unless told otherwise', () => {
  assert.deepEqual(parsePage(parseForm('')), {
    limit: 10,
    startingAfter: undefined,
    endingBefore: undefined,
  });
});

test('a page has 1 to 100 items', () => {
  for (const limit of [1, 100]) assert.equal(parsePage(parseForm(`limit=${limit}`)).limit, limit);
  for (const limit of ['0', '101', '-1', 'ten', '1.5']) {
    const refused = refusal('parameter_invalid_integer', 'limit');
    assert.throws(() => parsePage(parseForm(`limit=${limit}`)), refused);
  }
});

test('a page begins after one item or ends before one, not both', () => {
  assert.equal(parsePage(parseForm('starting_after=a')).startingAfter, 'a');
  assert.equal(parsePage(parseForm('ending_before=b')).endingBefore, 'b');
  assert.throws(
    () => parsePage(parseForm('starting_after=a&ending_before=b')),
    refusal('parameter_invalid', 'ending_before'),
  );
});

test('a cursor is a text that is not empty and no longer than an id', () => {
  for (const name of ['starting_after', 'ending_before']) {
    assert.throws(() => parsePage(parseForm(`${name}=`)), refusal('parameter_invalid_empty', name));
    assert.throws(() => parsePage(parseForm(`${name}[]=a`)), refusal('parameter_invalid', name));
    assert.throws(
      () => parsePage(parseForm(`${name}=${'a'.repeat(1001)}`)),
      refusal('parameter_invalid', name),
    );
  }
});
