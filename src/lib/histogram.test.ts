import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram } from './histogram.ts';

test('each value is counted once, under the first bound that is not below it', () => {
  const bounds = [1, 5, 10];
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -2, max: 12 })), (values) => {
      const histogram = new Histogram(bounds);
      for (const value of values) histogram.observe(value);
      const within = (above: number, upTo: number): number =>
        values.filter((value) => value > above && value <= upTo).length;
      const expected = [within(-9, 1), within(1, 5), within(5, 10), within(10, 99)];
      assert.deepEqual([...histogram.counts], expected);
      assert.equal(
        histogram.sum,
        values.reduce((sum, value) => sum + value, 0),
      );
    }),
  );
});
