import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../domain/errors.ts';
import { ADDRESSES_MAX, Guesses, TRUSTED_MAX } from './auth-failure-limiter.ts';

const NOW_MS = 1_760_000_000_000;

/** Seconds to wait, or undefined for one who may try. */
function waitOf(guesses: Guesses, address: string, hash: string, nowMs: number) {
  try {
    guesses.refuse(address, hash, nowMs);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ApiError);
    assert.equal(error.reason, 'too_many_failures');
    return error.retryAfterS;
  }
}

function fail(guesses: Guesses, address: string, times: number, nowMs = NOW_MS): void {
  for (let time = 0; time < times; time++) guesses.count(address, nowMs);
}

test('an address that has tried too many keys waits for the end of its minute; others do not', () => {
  const guesses = new Guesses(3);
  fail(guesses, 'a', 2);
  assert.equal(waitOf(guesses, 'a', 'h', NOW_MS), undefined);
  fail(guesses, 'a', 1, NOW_MS + 1500);
  assert.equal(waitOf(guesses, 'a', 'h', NOW_MS + 1500), 59);
  assert.equal(waitOf(guesses, 'a', 'h', NOW_MS + 59_999), 1);
  assert.equal(waitOf(guesses, 'b', 'h', NOW_MS + 1500), undefined);
  assert.equal(waitOf(guesses, 'a', 'h', NOW_MS + 60_000), undefined);
  fail(guesses, 'a', 2, NOW_MS + 60_000);
  assert.equal(waitOf(guesses, 'a', 'h', NOW_MS + 60_000), undefined, 'counted anew');
});

test('a key that was right there before goes on; one that was right elsewhere does not', () => {
  const guesses = new Guesses(3);
  guesses.trust('a', 'good');
  guesses.trust('b', 'other');
  fail(guesses, 'a', 100);
  assert.equal(waitOf(guesses, 'a', 'good', NOW_MS), undefined);
  assert.equal(waitOf(guesses, 'a', 'other', NOW_MS), 60);
});

test('a clock that is set back does not keep anybody waiting', () => {
  const guesses = new Guesses(3);
  fail(guesses, 'a', 3);
  assert.equal(waitOf(guesses, 'a', 'h', NOW_MS - 1), undefined);
});

test('0 slows nobody down', () => {
  const guesses = new Guesses(0);
  fail(guesses, 'a', 1000);
  assert.equal(waitOf(guesses, 'a', 'h', NOW_MS), undefined);
});

test('memory is bounded: the oldest address is forgotten, and trust when there is too much of it', () => {
  const guesses = new Guesses(1);
  for (let n = 0; n <= ADDRESSES_MAX; n++) guesses.count(`address ${n}`, NOW_MS);
  assert.equal(waitOf(guesses, 'address 0', 'h', NOW_MS), undefined);
  for (const n of [1, ADDRESSES_MAX]) {
    assert.equal(waitOf(guesses, `address ${n}`, 'h', NOW_MS), 60, String(n));
  }
  for (let n = 0; n <= TRUSTED_MAX; n++) guesses.trust('address 1', `hash ${n}`);
  assert.equal(waitOf(guesses, 'address 1', 'hash 0', NOW_MS), 60, 'forgotten');
  assert.equal(waitOf(guesses, 'address 1', `hash ${TRUSTED_MAX}`, NOW_MS), undefined);
});
