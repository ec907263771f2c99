import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RecentTable } from './memtable.ts';
import { NONE } from './record.ts';
import { TableSource } from './merge-sources.ts';
import { fewHashes, spread } from './testing/hashes.ts';

test('the table does what a Map would, through growth, and hands its records out in order', () => {
  const add = fc.record({
    hash: fc.constantFrom(...fewHashes),
    period: fc.constantFrom(0, 1, 20_000, 490_000, 0xff_fffe),
  });
  fc.assert(
    fc.property(fc.array(add, { maxLength: 200, size: 'max' }), fc.boolean(), (adds, values) => {
      const table = new RecentTable({ values });
      const model = new Map<string, { period: number; value: number }>();
      for (const [i, { hash, period }] of adds.entries()) {
        const words = hash.slice();
        words[3]! |= i & 0xffffff; // The low 24 bits are not part of the hash.
        table.set(words, period, i);
        model.set(hash.join(), { period, value: values ? i : 0 });
      }
      for (const hash of fewHashes) {
        const expected = model.get(hash.join());
        assert.equal(table.find(hash), expected?.period ?? NONE);
        if (expected !== undefined) assert.equal(table.foundValue, expected.value);
      }
      assert.equal(table.size, model.size);
      assert.equal(table.oldestPeriod, Math.min(...adds.map(({ period }) => period)));
      const source = new TableSource(table.shards);
      const inOrder: string[] = [];
      while (source.next()) inOrder.push(hex(source.words.subarray(source.at, source.at + 4)));
      assert.deepEqual(inOrder, inOrder.toSorted());
      assert.equal(inOrder.length, model.size);
    }),
    { numRuns: 500 },
  );
});

function hex(words: Int32Array): string {
  return [...words].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

test('a million entries are all there, and nothing else, in 27 bytes each at most', () => {
  const count = 1_000_000;
  const table = new RecentTable({ values: false });
  const words = new Uint32Array(4);
  let worst = 0;
  for (let i = 0; i < count; i += 1) {
    spread(i, words);
    table.set(words, 20_000, 0);
    if (i > count / 2 && i % 10_000 === 0) worst = Math.max(worst, table.bytes / table.size);
  }
  let found = 0;
  for (let i = 0; i < 2 * count; i += 1) {
    spread(i, words);
    if (table.find(words) !== NONE) found += 1;
  }
  assert.equal(table.size, count);
  assert.equal(found, count);
  assert.ok(worst < 27, `${worst} bytes`);
});
