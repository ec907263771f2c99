import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toNamespace } from '../../domain/namespace.ts';
import { EventIds } from './event-ids.ts';

const TEST = toNamespace('acct_1', 'test');
const OTHERS = [toNamespace('acct_2', 'test'), toNamespace('acct_1', 'live')];
const sequences = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

test('an id names its sequence, in its own namespace and folder only', () => {
  const ids = new EventIds(Uint32Array.of(1, 2, 3, 4));
  const elsewhere = new EventIds(Uint32Array.of(1, 2, 3, 5));
  fc.assert(
    fc.property(sequences, (sequence) => {
      const id = ids.toId(TEST, sequence);
      assert.match(id, /^mtrevt_test_[0-9a-f]{32}$/);
      assert.equal(ids.parse(TEST, id), sequence);
      for (const other of OTHERS) assert.equal(ids.parse(other, id), undefined);
      assert.equal(elsewhere.parse(TEST, id), undefined);
    }),
  );
});

test('what is no id of ours is none', () => {
  const ids = new EventIds(Uint32Array.of(1, 2, 3, 4));
  const id = ids.toId(TEST, 7);
  for (const wrong of ['', 'mtrevt_test_', id.slice(0, -1), `${id}0`, id.toUpperCase()]) {
    assert.equal(ids.parse(TEST, wrong), undefined);
  }
  fc.assert(
    fc.property(fc.nat(31), fc.integer({ min: 1, max: 15 }), (place, change) => {
      const digits = id.slice(-32);
      const digit = (Number.parseInt(digits[place]!, 16) ^ change).toString(16);
      const other = `mtrevt_test_${digits.slice(0, place)}${digit}${digits.slice(place + 1)}`;
      assert.equal(ids.parse(TEST, other), undefined);
    }),
  );
});
