import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HashTable, WINDOW_PERIODS_MAX } from './hash-table.ts';

/** The rule in a Map: forgotten is what is more than a window older than the latest period seen. */
class Model {
  readonly #entries = new Map<string, { period: number; value: number }>();
  readonly #windowPeriods: number;
  #now = 0;

  constructor(windowPeriods: number) {
    this.#windowPeriods = windowPeriods;
  }

  find(hash: Uint32Array, period: number): number | undefined {
    this.#now = Math.max(this.#now, period);
    const entry = this.#entries.get(hash.join());
    return entry && this.#now - entry.period <= this.#windowPeriods ? entry.value : undefined;
  }

  add(hash: Uint32Array, period: number, value: number): 'added' | 'present' {
    if (this.find(hash, period) !== undefined) return 'present';
    this.#entries.set(hash.join(), { period, value });
    return 'added';
  }

  delete(hash: Uint32Array): void {
    this.#entries.delete(hash.join());
  }

  get remembered(): number {
    return [...this.#entries.values()].filter((e) => this.#now - e.period <= this.#windowPeriods)
      .length;
  }
}

/**
 * Few hashes, nearly all in one shard, that begin their search at few places, the last slot among them, so
 * that runs grow long, overlap and wrap around. Any of the four words may be what tells two of them apart.
 */
const HASHES = [0, 1, 14, 15, 31, 0xffffffff].flatMap((word1) => [
  Uint32Array.of(0xff000000, word1, 0, 0),
  Uint32Array.of(0xff000000, word1, 0, 0xffff0000),
  Uint32Array.of(0xff000000, word1, 0x80000000, 0),
  Uint32Array.of(0xff000001, word1, 0, 0),
  Uint32Array.of(0, word1, 0, 0),
]);

/** How far the clock goes on: mostly not, now and then by a window, and past the turn of the tags. */
const step = (windowPeriods: number) =>
  fc.oneof(
    { weight: 50, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.constantFrom(1, windowPeriods, windowPeriods + 1) },
    { weight: 1, arbitrary: fc.constantFrom(2 * windowPeriods, 65_534, 65_535, 65_536, 200_000) },
  );

const histories = fc.constantFrom(1, 3, 35, WINDOW_PERIODS_MAX).chain((windowPeriods) =>
  fc.record({
    windowPeriods: fc.constant(windowPeriods),
    startPeriod: fc.constantFrom(0, 20_000, 65_530, 500_000),
    calls: fc.array(
      fc.record({
        kind: fc.constantFrom('add', 'add', 'add', 'delete', 'delete', 'has', 'value'),
        hash: fc.constantFrom(...HASHES),
        step: step(windowPeriods),
        /** Some calls are about a period that has passed. */
        late: fc.constantFrom(0, 0, 0, 0, 1, windowPeriods, windowPeriods + 1, 2 * windowPeriods),
      }),
      { maxLength: 200, size: 'max' },
    ),
  }),
);

test('the table does what a Map would, through growth, expiry, deletion and the turn of the tags', () => {
  fc.assert(
    fc.property(histories, ({ windowPeriods, startPeriod, calls }) => {
      const table = new HashTable({ windowPeriods, values: true });
      const model = new Model(windowPeriods);
      let now = startPeriod;
      for (const [i, call] of calls.entries()) {
        now += call.step;
        const period = Math.max(0, now - call.late);
        const words = call.hash.slice();
        words[3]! |= i & 0xffff; // The low half is not part of the hash.
        switch (call.kind) {
          case 'add':
            assert.equal(table.add(words, period, i), model.add(call.hash, period, i));
            break;
          case 'has':
            assert.equal(table.has(words, period), model.find(call.hash, period) !== undefined);
            break;
          case 'value':
            assert.equal(table.findValue(words, period), model.find(call.hash, period));
            break;
          case 'delete':
            table.delete(words);
            model.delete(call.hash);
            break;
        }
        assert.ok(table.size >= model.remembered);
      }
      for (const each of HASHES) {
        assert.equal(table.findValue(each, now), model.find(each, now));
      }
    }),
    { numRuns: 1_000 },
  );
});

/** Well spread words from a counter: the finalizer of MurmurHash3. */
function spread(i: number, out: Uint32Array): void {
  for (let word = 0; word < 4; word += 1) {
    let x = Math.imul(i + 1, 0x9e3779b1) + Math.imul(word + 1, 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    out[word] = x ^ (x >>> 16);
  }
}

test('a million entries are all there, and nothing else, in less than 45 bytes each', () => {
  const count = 1_000_000;
  const table = new HashTable({ windowPeriods: 35 });
  const words = new Uint32Array(4);
  let added = 0;
  let found = 0;
  for (let i = 0; i < count; i += 1) {
    spread(i, words);
    if (table.add(words, 20_000) === 'added') added += 1;
  }
  assert.equal(added, count);
  assert.equal(table.size, count);
  for (let i = 0; i < 2 * count; i += 1) {
    spread(i, words);
    if (table.has(words, 20_000)) found += 1;
  }
  assert.equal(found, count);
  assert.ok(table.bytes / count < 45, `${table.bytes / count} bytes`);
});

test('a table that takes the same load every period stops growing after two windows', () => {
  const windowPeriods = 10;
  const perPeriod = 20_000;
  const table = new HashTable({ windowPeriods });
  const words = new Uint32Array(4);
  let bytesMax = 0;
  for (let i = 0; i < 60 * perPeriod; i += 1) {
    spread(i, words);
    table.add(words, Math.floor(i / perPeriod));
    if (i % perPeriod === 0) bytesMax = Math.max(bytesMax, table.bytes);
    if (i === 20 * perPeriod) bytesMax = table.bytes;
  }
  assert.ok(table.size <= 2 * windowPeriods * perPeriod + perPeriod);
  assert.ok(bytesMax <= 2 * 43 * windowPeriods * perPeriod, `${bytesMax} bytes`);
});

test('what was one burst gives its memory back when it is forgotten', () => {
  const table = new HashTable({ windowPeriods: 2 });
  const words = new Uint32Array(4);
  const emptyBytes = table.bytes;
  for (let i = 0; i < 100_000; i += 1) {
    spread(i, words);
    table.add(words, 1);
  }
  assert.ok(table.bytes > 20 * emptyBytes);
  for (let shard = 0; shard < 256; shard += 1) table.has(Uint32Array.of(shard << 24, 0, 0, 0), 5);
  assert.equal(table.bytes, emptyBytes);
  assert.equal(table.size, 0);
});

test('forgotten entries are swept a few shards at a time', () => {
  const windowPeriods = 32;
  const table = new HashTable({ windowPeriods });
  const words = new Uint32Array(4);
  for (let i = 0; i < 100_000; i += 1) {
    spread(i, words);
    table.add(words, 1);
  }
  const fullBytes = table.bytes;
  for (let period = 2; period <= 1 + 2 * windowPeriods; period += 1) {
    const { bytes } = table;
    for (let i = 0; i < 256; i += 1) table.has(Uint32Array.of(i << 24, 0, 0, 0), period);
    assert.ok(bytes - table.bytes < fullBytes / 10, `${bytes - table.bytes} of ${fullBytes} bytes`);
  }
  assert.equal(table.size, 0);
});

test('an entry is remembered in its period and the window after it, then may be added again', () => {
  const table = new HashTable({ windowPeriods: 35 });
  const words = Uint32Array.of(1, 2, 3, 4);
  assert.equal(table.add(words, 100), 'added');
  assert.equal(table.add(words, 135), 'present');
  assert.equal(table.has(words, 136), false);
  assert.equal(table.add(words, 136), 'added');
  assert.equal(table.add(words, 171), 'present');
});

test('an add that is taken back leaves the table as it was', () => {
  const table = new HashTable({ windowPeriods: 35 });
  const words = new Uint32Array(4);
  const { bytes } = table;
  for (let i = 0; i < 100_000; i += 1) {
    spread(i, words);
    table.add(words, 1);
    table.delete(words);
  }
  assert.equal(table.size, 0);
  assert.equal(table.bytes, bytes);
});

test('a table without values has none', () => {
  const table = new HashTable({ windowPeriods: 1 });
  const words = Uint32Array.of(1, 2, 3, 4);
  table.add(words, 1, 7);
  assert.equal(table.findValue(words, 1), undefined);
});

test('a window must fit into the tags', () => {
  for (const windowPeriods of [0, -1, WINDOW_PERIODS_MAX + 1, NaN]) {
    assert.throws(() => new HashTable({ windowPeriods }), RangeError);
  }
});
