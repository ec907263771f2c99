import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { percentile, perSecond, ratioOfMedians, toFigure } from './statistics.ts';

const samples = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 });

test('a figure of an odd number of samples has the middle one as its median', () => {
  const { median, min, max } = toFigure([30, 10, 20]);
  assert.deepEqual({ median, min, max }, { median: 20, min: 10, max: 30 });
});

test('a figure of an even number of samples has the mean of the middle two as its median', () => {
  assert.equal(toFigure([4, 1, 3, 2]).median, 2.5);
});

test('a figure keeps its samples in the order in which they were measured', () => {
  assert.deepEqual(toFigure([3, 1, 2]).samples, [3, 1, 2]);
});

test('there is no figure and no percentile of nothing', () => {
  assert.throws(() => toFigure([]));
  assert.throws(() => percentile([], 0.5));
});

test('a percentile is the nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile(hundred, 1), 100);
  assert.equal(percentile([7], 0.01), 7);
});

test('a percentile is a sample, and its share of all are not above it', () => {
  const share = fc.integer({ min: 1, max: 100 }).map((hundredths) => hundredths / 100);
  fc.assert(
    fc.property(samples, share, (values, of) => {
      const value = percentile(values, of);
      assert.ok(values.includes(value));
      assert.ok(values.filter((other) => other <= value).length >= of * values.length);
      assert.ok(values.filter((other) => other < value).length < of * values.length);
    }),
  );
});

test('a rate is a second’s worth of a count, and 0 when no time went by', () => {
  assert.equal(perSecond(500, 250), 2000);
  assert.equal(perSecond(500, 0), 0);
});

test('a ratio is that of the medians, bounded by those of each round', () => {
  const ratio = ratioOfMedians(toFigure([10, 20, 60]), toFigure([10, 40, 30]));
  assert.equal(ratio.median, 20 / 30);
  assert.deepEqual([ratio.min, ratio.max], [0.5, 2]);
});
