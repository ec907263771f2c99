import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chaskey, expandKey, KeyedHash } from './chaskey.ts';

const KEY = Uint32Array.of(0x833d3433, 0x009f389f, 0x2398e64f, 0x417acf39);
const hash = new KeyedHash(KEY);
const id = (i: number) => `8a1b2c3d-0000-4000-8000-${String(i).padStart(12, '0')}`;

function words(text: string, seed = 0, hasher = hash): Uint32Array {
  const out = new Uint32Array(4);
  hasher.hash(text, seed, out);
  return out;
}
const hex = (out: Uint32Array) => [...out].map((w) => w.toString(16).padStart(8, '0')).join(' ');

/** How many of 128 bits differ. */
function distance(one: Uint32Array, other: Uint32Array): number {
  let bits = 0;
  for (let i = 0; i < 4; i += 1) {
    for (let x = one[i]! ^ other[i]!; x !== 0; x &= x - 1) bits += 1;
  }
  return bits;
}

// Mouha's reference code chaskey12.c (CC0): the messages 00 01 02 … of 16, 32 and 48 bytes.
const VECTORS: Record<number, string> = {
  4: '5dd0e2a9 fb5eac8c 633a392e 500c36f3',
  8: '77962784 07c647fa dd752c0f d2f5a799',
  12: 'f36e748b 8f34677f 1e00ba1b dd7da46d',
};
for (const [length, expected] of Object.entries(VECTORS)) {
  test(`${length} words have the hash of Chaskey's own test vector`, () => {
    const message = Int32Array.from({ length: 12 }, (_, i) => 0x03020100 + i * 0x04040404);
    const out = new Uint32Array(4);
    chaskey(expandKey(KEY), message, Number(length), out);
    assert.equal(hex(out), expected);
  });
}

test('the subkey is the key times x in GF(2^128), by x^128 + x^7 + x^2 + x + 1', () => {
  const toBigInt = (list: Int32Array) =>
    list.reduceRight((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);
  fc.assert(
    fc.property(fc.uint32Array({ minLength: 4, maxLength: 4 }), (key) => {
      const keys = expandKey(key);
      const doubled = toBigInt(keys.subarray(0, 4)) << 1n;
      const reduced = doubled >> 128n === 1n ? doubled ^ (1n << 128n) ^ 0x87n : doubled;
      assert.deepEqual(keys.subarray(0, 4), new Int32Array(key));
      assert.equal(toBigInt(keys.subarray(4)), reduced);
    }),
  );
});

/** The message as the header of the file says it, written without care for speed. */
function message(text: string, seed: number): Int32Array {
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  const wide = units.some((unit) => unit > 255);
  const bytes = new DataView(
    new ArrayBuffer(16 * Math.ceil((8 + text.length * (wide ? 2 : 1)) / 16)),
  );
  bytes.setInt32(0, seed, true);
  bytes.setInt32(4, 2 * text.length + Number(wide), true);
  for (const [i, unit] of units.entries()) {
    if (wide) bytes.setUint16(8 + 2 * i, unit, true);
    else bytes.setUint8(8 + i, unit);
  }
  return Int32Array.from({ length: bytes.byteLength / 4 }, (_, i) => bytes.getInt32(4 * i, true));
}

const unit = fc.oneof(
  fc.constantFrom('\0', 'a', '\u00ff', '\u0100', '\ud800', '\udc00', '\uffff'),
  fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
);
const text = fc.string({ unit, maxLength: 70 });

test('the hash of a text is Chaskey of its message, whatever was hashed before', () => {
  const longer = fc.tuple(text, fc.nat({ max: 600 })).map(([t, zeros]) => '\0'.repeat(zeros) + t);
  fc.assert(
    fc.property(fc.oneof(text, longer), fc.integer(), (t, seed) => {
      const whole = message(t, seed);
      const out = new Uint32Array(4);
      chaskey(expandKey(KEY), whole, whole.length, out);
      assert.equal(hex(words(t, seed)), hex(out));
      assert.equal(hex(words(t, seed, new KeyedHash(KEY))), hex(out));
    }),
    { numRuns: 2_000 },
  );
});

test('ASCII has the same hash as bytes, wherever they stand; what is not ASCII has none', () => {
  const around = fc.nat({ max: 9 });
  fc.assert(
    fc.property(text, around, around, fc.integer(), (t, before, behind, seed) => {
      const bytes = Buffer.concat([
        Buffer.alloc(before, 0xff),
        Buffer.from(t),
        Buffer.alloc(behind, 0xff),
      ]);
      const out = Uint32Array.of(1, 2, 3, 4);
      const length = bytes.length - before - behind;
      const isAscii = hash.hashBytes(bytes, before, length, seed, out);
      assert.equal(isAscii, length === t.length);
      assert.deepEqual(out, isAscii ? words(t, seed) : Uint32Array.of(1, 2, 3, 4));
    }),
    { numRuns: 2_000 },
  );
});

test('texts that differ in zeros, width or surrogates have different hashes', () => {
  const texts = ['', '\0', '\0\0', 'a', 'a\0', '\0a', 'ab', '\u6261', 'a\0b\0', '\u00ff', '\uffff'];
  texts.push('\ud800', '\ud801', '\ufffd', '\ud83d\ude00', '\ude00\ud83d', 'é', 'e\u0301');
  assert.equal(new Set(texts.map((t) => hex(words(t)))).size, texts.length);
});

test('a text of any length is hashed', () => {
  const long = 'x'.repeat(100_000);
  assert.notEqual(hex(words(long)), hex(words(`${long}x`)));
  assert.notEqual(hex(words(`${long}é😀`)), hex(words(`${long}é😁`)));
});

/** Every flip of one of the input's bits must flip each output bit about every second time. */
function assertAvalanche(
  name: string,
  flipped: (sample: number, bit: number) => number,
  bits: number,
) {
  const samples = 64;
  let total = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    let sum = 0;
    for (let sample = 0; sample < samples; sample += 1) sum += flipped(sample, bit);
    // 64 flips by mean, 5.7 deviation of one, 0.71 of the mean of 64: seven deviations.
    assert.ok(Math.abs(sum / samples - 64) < 5, `${name}, bit ${bit}: ${sum / samples} flips`);
    total += sum / samples;
  }
  assert.ok(Math.abs(total / bits - 64) < 0.5, `${name}: ${total / bits} flips`);
}

test('each bit of a text, of the seed and of the key flips half of the hash', () => {
  const flipBit = (t: string, bit: number) => {
    const at = bit >> 3;
    return (
      t.slice(0, at) + String.fromCharCode(t.charCodeAt(at) ^ (1 << (bit & 7))) + t.slice(at + 1)
    );
  };
  assertAvalanche('text', (i, bit) => distance(words(id(i)), words(flipBit(id(i), bit))), 36 * 8);
  assertAvalanche('seed', (i, bit) => distance(words(id(i), 7), words(id(i), 7 ^ (1 << bit))), 32);
  const otherKey = (bit: number) => {
    const key = KEY.slice();
    key[bit >> 5]! ^= 1 << (bit & 31);
    return new KeyedHash(key);
  };
  assertAvalanche('key', (i, bit) => distance(words(id(i)), words(id(i), 0, otherKey(bit))), 128);
});

test('each output bit is set by every second text, and flips by each flip of an input bit', () => {
  const samples = 20_000;
  const set = new Uint32Array(128);
  const flips = new Uint32Array(128);
  for (let i = 0; i < samples; i += 1) {
    const one = words(id(i));
    const other = words(id(i ^ 1));
    for (let bit = 0; bit < 128; bit += 1) {
      set[bit]! += (one[bit >> 5]! >>> (bit & 31)) & 1;
      flips[bit]! += ((one[bit >> 5]! ^ other[bit >> 5]!) >>> (bit & 31)) & 1;
    }
  }
  // The deviation is 71 of 10,000; seven of them, and 256 draws.
  for (const count of [...set, ...flips])
    assert.ok(Math.abs(count - samples / 2) < 500, `${count}`);
});

test('a million identifiers have a million hashes, evenly spread over every 8 bits used', () => {
  const count = 1_000_000;
  const out = new Uint32Array(4);
  const seen = new Set<bigint>();
  const buckets = Array.from({ length: 16 }, () => new Uint32Array(256));
  for (let i = 0; i < count; i += 1) {
    hash.hash(i % 2 === 0 ? id(i) : `evt_${i}`, 0, out);
    // 64 bits: a pair collides with probability 3e-8.
    seen.add((BigInt(out[1]!) << 32n) | BigInt(out[2]!));
    for (let byte = 0; byte < 16; byte += 1) {
      buckets[byte]![(out[byte >> 2]! >>> (8 * (byte & 3))) & 255]! += 1;
    }
  }
  assert.equal(seen.size, count);
  const mean = count / 256;
  for (const bucket of buckets) {
    const chiSquare = bucket.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
    // 255 degrees of freedom: 255 by mean, 22.6 deviation.
    assert.ok(chiSquare > 150 && chiSquare < 400, `chi-square ${chiSquare}`);
  }
});

test('a key of another length is refused', () => {
  assert.throws(() => new KeyedHash(new Uint32Array(8)), RangeError);
});
