import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { runsToMerge } from './compaction-rule.ts';

test('the newest are merged up to the first that is four times as large as all of them', () => {
  assert.equal(runsToMerge([]), 0);
  assert.equal(runsToMerge([1]), 0);
  assert.equal(runsToMerge([1, 4]), 0);
  assert.equal(runsToMerge([1, 3]), 2);
  assert.equal(runsToMerge([1, 3, 15, 80]), 3);
  assert.equal(runsToMerge([1, 3, 16, 1]), 2);
});

test('no run has more than a billion records', () => {
  assert.equal(runsToMerge([400_000_000, 600_000_000, 1]), 2);
  assert.equal(runsToMerge([400_000_000, 600_000_001]), 0);
});

test('a thousand seals leave 6 runs at most, and rewrite no record more than 20 times', () => {
  const seals = fc.array(fc.integer({ min: 500, max: 1000 }), { minLength: 1000, maxLength: 1000 });
  fc.assert(
    fc.property(seals, (sizes) => {
      let runs: number[] = [];
      let written = 0;
      for (const size of sizes) {
        runs = [size, ...runs];
        for (let count = runsToMerge(runs); count > 0; count = runsToMerge(runs)) {
          const merged = runs.slice(0, count).reduce((sum, each) => sum + each);
          runs = [merged, ...runs.slice(count)];
          written += merged;
        }
        assert.ok(runs.length <= 6, runs.join());
      }
      assert.ok(written <= 20 * sizes.reduce((sum, each) => sum + each));
    }),
    { numRuns: 20 },
  );
});
