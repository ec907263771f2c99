import assert from 'node:assert/strict';
import { readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Page, PAGE_BYTES } from './page.ts';
import { RecentTable } from './memtable.ts';
import { NONE } from './record.ts';
import { DamagedRunError } from './run-file.ts';
import { writeRun } from './run-writer.ts';
import { Run, type RunEntry } from './sorted-run.ts';
import { RunSource, TableSource } from './merge-sources.ts';
import { fewHashes, folders, spread } from './testing/hashes.ts';

const newFolder = folders();
const FILE = 'run-1';
const hashOf = (i: number): Uint32Array => {
  const hash = new Uint32Array(4);
  spread(i, hash);
  return hash;
};

type Added = { readonly hash: Uint32Array; readonly period: number };

function write(folder: string, file: string, added: readonly Added[], values: boolean): RunEntry {
  const table = new RecentTable({ values });
  added.forEach(({ hash, period }, i) => table.set(hash, period, i));
  const order = { folder, file, values, entriesMax: table.size, oldestPeriod: 0 };
  return writeRun(order, [new TableSource(table.shards)]).entry;
}

test('a run has what was in the table, and nothing else, also where one first word fills pages', () => {
  const page = new Page();
  const manyOfOneWord = Array.from({ length: 300 }, (_, i) =>
    Uint32Array.of(0x80000000, (i % 150) * 0x1b4e81b5, i, 0),
  );
  const known = [
    ...fewHashes,
    ...manyOfOneWord,
    ...Array.from({ length: 300 }, (_, i) => hashOf(i)),
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(known), fc.boolean(), (hashes, values) => {
      const folder = newFolder();
      const added = hashes.map((hash, i) => ({ hash, period: i % 7 }));
      const entry = write(folder, FILE, added, values);
      const run = Run.open(folder, entry);
      const missing = new Set(known);
      hashes.forEach((hash, i) => {
        missing.delete(hash);
        assert.equal(run.find(hash, page), i % 7);
        assert.equal(run.foundValue, values ? i : 0);
      });
      for (const hash of missing) assert.equal(run.find(hash, page), NONE);
      assert.equal(entry.entries, hashes.length);
      assert.equal(
        entry.periods.reduce((sum, [, n]) => sum + n, 0),
        hashes.length,
      );
      run.close();
    }),
    { numRuns: 100 },
  );
});

test('runs are merged into one: the newest has the say, what is too old is left out', () => {
  const page = new Page();
  const some = fc.subarray([...fewHashes]);
  fc.assert(
    fc.property(fc.tuple(some, some, some), fc.nat({ max: 3 }), (sets, oldestPeriod) => {
      const folder = newFolder();
      const expected = new Map<Uint32Array, number>();
      // From the oldest to the newest.
      sets.forEach((set, i) => {
        const period = i + 1;
        const added = set.map((hash) => ({ hash, period }));
        write(folder, `run-${period}`, added, true);
        for (const hash of set) expected.set(hash, period);
      });
      const live = [...expected.values()].filter((period) => period >= oldestPeriod).length;
      const order = { folder, file: 'run-4', values: true, entriesMax: live, oldestPeriod };
      const sources = ['run-3', 'run-2', 'run-1'].map((file) => new RunSource(folder, file));
      const { entry } = writeRun(order, sources);
      for (const source of sources) source.close();
      const run = Run.open(folder, entry);
      for (const hash of fewHashes) {
        const period = expected.get(hash) ?? NONE;
        assert.equal(run.find(hash, page), period >= oldestPeriod ? period : NONE);
      }
      assert.equal(entry.entries, live);
      run.close();
    }),
    { numRuns: 100 },
  );
});

test('whatever bit of a run is flipped, it is refused or answers right', () => {
  const folder = newFolder();
  const hashes = Array.from({ length: 200 }, (_, i) => hashOf(i));
  const entry = write(
    folder,
    FILE,
    hashes.map((hash) => ({ hash, period: 5 })),
    true,
  );
  const path = join(folder, FILE);
  const whole = readFileSync(path);
  const page = new Page();
  let refused = 0;
  const flips = fc.nat({ max: whole.length * 8 - 1 });
  fc.assert(
    fc.property(flips, (bit) => {
      const bytes = Uint8Array.from(whole);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(path, bytes);
      let run: Run | undefined;
      try {
        run = Run.open(folder, entry);
        for (const hash of hashes) assert.equal(run.find(hash, page), 5);
      } catch (error) {
        assert.ok(error instanceof DamagedRunError, String(error));
        assert.ok(error.message.includes(path));
        refused += 1;
      } finally {
        run?.close();
      }
    }),
    { numRuns: 500 },
  );
  assert.equal(refused, 500, 'every bit is under a checksum, and every page was asked');
});

test('a page at the place of another one is none', () => {
  const folder = newFolder();
  const hashes = Array.from({ length: 126 }, (_, i) => hashOf(i));
  const entry = write(
    folder,
    FILE,
    hashes.map((hash) => ({ hash, period: 5 })),
    false,
  );
  const path = join(folder, FILE);
  const bytes = readFileSync(path);
  const [one, two] = [bytes.subarray(0, PAGE_BYTES), bytes.subarray(PAGE_BYTES, 2 * PAGE_BYTES)];
  writeFileSync(path, Buffer.concat([two, one, bytes.subarray(2 * PAGE_BYTES)]));
  const run = Run.open(folder, entry);
  for (const hash of hashes) assert.throws(() => run.find(hash, new Page()), DamagedRunError);
  run.close();
});

test('a run that was cut, or is another one, is refused on open', () => {
  const folder = newFolder();
  const added = Array.from({ length: 200 }, (_, i) => ({ hash: hashOf(i), period: 5 }));
  const entry = write(folder, FILE, added, false);
  const another = write(folder, 'run-2', added.slice(1), false);
  assert.throws(() => Run.open(folder, { ...entry, file: another.file }), DamagedRunError);
  const { length } = readFileSync(join(folder, FILE));
  for (const left of [length - 1, length - 64, 1024, 63, 0]) {
    truncateSync(join(folder, FILE), left);
    assert.throws(() => Run.open(folder, entry), DamagedRunError);
  }
});

test('a run that could not be written leaves nothing', () => {
  const folder = newFolder();
  const broken = {
    words: new Int32Array(4),
    at: 0,
    value: 0,
    next: () => {
      throw new Error('no more');
    },
    close: () => undefined,
  };
  const order = { folder, file: FILE, values: false, entriesMax: 1, oldestPeriod: 0 };
  assert.throws(() => writeRun(order, [broken]), /no more/u);
  assert.deepEqual(readdirSync(folder), []);
});
