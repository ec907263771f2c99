import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DrainRate } from './drain-rate.ts';

const MB = 1_000_000;

/** One that has inserted 10 MB a second for a while, up to the moment 0. */
function steady(): DrainRate {
  const rate = new DrainRate();
  for (let atMs = -10_000; atMs < 0; atMs += 1000) {
    rate.began(10 * MB, atMs);
    rate.ended(atMs + 1000);
  }
  return rate;
}

test('what is over the bound is gone when so much went into the store, by the rate of the last inserts', () => {
  const rate = steady();
  assert.equal(rate.secondsToRoom(0, 0), 1);
  assert.equal(rate.secondsToRoom(50 * MB, 0), 5);
  rate.began(30 * MB, 0);
  // All of it is freed at once, at the end.
  assert.equal(rate.secondsToRoom(1, 0), 3);
  assert.equal(rate.secondsToRoom(1, 1500), 2);
  assert.equal(rate.secondsToRoom(80 * MB, 2000), 6);
});

test('an insert that is late may take as long again', () => {
  const rate = steady();
  rate.began(10 * MB, 0);
  assert.equal(rate.secondsToRoom(1, 20_000), 20);
  rate.ended(40_000);
  const slower = rate.secondsToRoom(10 * MB, 40_000);
  assert.equal(slower, 2, 'and counts in the next estimate');
});

test('a store that fails is given as long again as it has failed, and is as before once it works', () => {
  const rate = steady();
  rate.began(10 * MB, 0);
  rate.failed(100);
  assert.equal(rate.secondsToRoom(1, 100), 1);
  rate.began(10 * MB, 5_000);
  rate.failed(5_100);
  assert.equal(rate.secondsToRoom(1, 12_100), 12);
  rate.began(10 * MB, 13_000);
  rate.ended(14_000);
  assert.equal(rate.secondsToRoom(10 * MB, 14_000), 1);
});

test('it is never less than a second, nor more than the minute that SDKs take', () => {
  const fresh = new DrainRate();
  assert.equal(fresh.secondsToRoom(MB, 0), 1);
  fresh.began(MB, 0);
  assert.equal(fresh.secondsToRoom(MB, 7_000), 7);
  assert.equal(fresh.secondsToRoom(MB, 1e9), 60);
  fresh.failed(1e9);
  assert.equal(fresh.secondsToRoom(MB, 2e9), 60);
  const rate = steady();
  assert.equal(rate.secondsToRoom(1e15, 0), 60);
  rate.began(0, 0);
  rate.ended(0);
  assert.ok(rate.secondsToRoom(MB, 0) >= 1);
});
