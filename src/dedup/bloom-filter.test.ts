import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addToFilter, filterBytes, mayHave } from './bloom-filter.ts';
import { fewHashes, spread } from './testing/hashes.ts';

const add = (filter: Int32Array, hash: Uint32Array) =>
  addToFilter(filter, hash[0]!, hash[1]!, hash[2]!);
const has = (filter: Int32Array, hash: Uint32Array) =>
  mayHave(filter, hash[0]!, hash[1]!, hash[2]!);
const newFilter = (hashes: number) => new Int32Array(filterBytes(hashes) / 4);

test('what was added may be there, however full the filter is', () => {
  fc.assert(
    fc.property(fc.subarray([...fewHashes]), fc.nat({ max: 1000 }), (hashes, room) => {
      const filter = newFilter(room);
      for (const hash of hashes) add(filter, hash);
      for (const hash of hashes) assert.ok(has(filter, hash));
    }),
  );
});

test('of what was not added, 3 of 1,000 may be at most, for less than 1.9 bytes a hash', () => {
  const count = 200_000;
  const filter = newFilter(count);
  const hash = new Uint32Array(4);
  for (let i = 0; i < count; i += 1) {
    spread(i, hash);
    add(filter, hash);
  }
  let falsely = 0;
  for (let i = count; i < 2 * count; i += 1) {
    spread(i, hash);
    if (has(filter, hash)) falsely += 1;
  }
  assert.ok(falsely < 0.003 * count, `${falsely} of ${count}`);
  assert.ok(filter.byteLength < 1.9 * count);
});
