import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  findPacked,
  forEachPacked,
  packReceipts,
  RECEIPT_BYTES,
  unpackReceipts,
  type Receipt,
} from './receipt.ts';

const word = fc.nat({ max: 0xffff_ffff });
const words = (count: number) =>
  fc.uint32Array({ minLength: count, maxLength: count, size: 'max' });
const receipt: fc.Arbitrary<Receipt> = fc.record(
  {
    keyHash: words(4),
    fingerprint: fc.tuple(word, word),
    receivedAtMs: fc.integer({ min: 0, max: 253_402_300_799_999 }),
    generatedIdentifier: fc.option(fc.uuid(), { nil: undefined }),
  },
  { noNullPrototype: true },
);

test('receipts come back from their packed form as they were, in order', () => {
  fc.assert(
    fc.property(fc.array(receipt, { maxLength: 5 }), (receipts) => {
      assert.deepEqual(unpackReceipts(packReceipts(receipts)), receipts);
    }),
  );
});

test('each packed receipt has the size that says how many there are', () => {
  fc.assert(
    fc.property(fc.array(receipt, { maxLength: 5 }), (receipts) => {
      assert.equal(packReceipts(receipts).length, receipts.length * RECEIPT_BYTES);
    }),
  );
});

test('the bytes may lie anywhere in a larger buffer, as a database hands them out', () => {
  fc.assert(
    fc.property(receipt, fc.nat({ max: 9 }), (one, offset) => {
      const larger = new Uint8Array(offset + RECEIPT_BYTES + 3).fill(0xff);
      larger.set(packReceipts([one]), offset);
      assert.deepEqual(unpackReceipts(larger.subarray(offset, offset + RECEIPT_BYTES)), [one]);
    }),
  );
});

test('a packed receipt is found by its key, the first one when a key is there twice', () => {
  fc.assert(
    fc.property(fc.array(receipt, { maxLength: 5 }), words(4), (receipts, other) => {
      const packed = packReceipts(receipts);
      for (const keyHash of [...receipts.map((one) => one.keyHash), other]) {
        const expected = receipts.find((one) => one.keyHash.join() === keyHash.join());
        assert.deepEqual(findPacked(packed, keyHash), expected);
      }
    }),
  );
});

test('a visit of packed receipts meets every key with its time, in order', () => {
  fc.assert(
    fc.property(fc.array(receipt, { maxLength: 5 }), (receipts) => {
      const met: [string, number][] = [];
      forEachPacked(packReceipts(receipts), (keyHash, at) => met.push([keyHash.join(), at]));
      assert.deepEqual(
        met,
        receipts.map((one) => [one.keyHash.join(), one.receivedAtMs]),
      );
    }),
  );
});
