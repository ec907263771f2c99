/** On parts that ClickHouse has written: its own hashes are the oracle of ours. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Session } from 'chdb';
import { setDamagedPartsAside } from './set-aside.ts';

const folder = mkdtempSync(join(tmpdir(), 'taximeter-parts-'));
after(() => rmSync(folder, { recursive: true }));

const made = join(folder, 'made');
/** Below the store's folder. */
let parts: string[];

before(() => {
  const session = new Session(made);
  session.query(
    'CREATE TABLE t (month UInt32, text String) ENGINE = MergeTree PARTITION BY month ORDER BY text',
  );
  // A wide one too, whose list of files is long.
  session.query(`CREATE TABLE wide (month UInt32, a String, b UInt64, c Float64, d Array(String)) ENGINE = MergeTree
    PARTITION BY month ORDER BY a SETTINGS min_bytes_for_wide_part = 0`);
  session.query(`INSERT INTO t SELECT number % 3, toString(number) FROM numbers(3000)`);
  session.query(
    `INSERT INTO wide SELECT 7, toString(number), number, number, ['x'] FROM numbers(3000)`,
  );
  session.close();
  parts = readdirSync(join(made, 'store'), { recursive: true, encoding: 'utf8' })
    .filter((path) => basename(path) === 'checksums.txt')
    .map((path) => join('store', dirname(path)));
});

function copy(): string {
  const to = join(folder, 'copy');
  rmSync(to, { recursive: true, force: true });
  cpSync(made, to, { recursive: true, verbatimSymlinks: true });
  return to;
}

test('what ClickHouse has written stays where it is', () => {
  assert.equal(parts.length, 4);
  assert.deepEqual(setDamagedPartsAside(copy()), []);
});

test('a flipped bit in any byte of a file that ClickHouse takes as it is sets its part aside', () => {
  const names = [
    'checksums.txt',
    'count.txt',
    'partition.dat',
    'minmax_month.idx',
    'serialization.json',
  ];
  for (const part of parts) {
    let store = copy();
    for (const name of names) {
      const size = readFileSync(join(store, part, name)).length;
      for (let at = 0; at < size; at += 1) {
        const path = join(store, part, name);
        const bytes = readFileSync(path);
        bytes[at] = bytes[at]! ^ (1 << (at % 8));
        writeFileSync(path, bytes);
        const [damaged, ...others] = setDamagedPartsAside(store);
        assert.deepEqual(others, []);
        assert.equal(damaged?.file, path, `byte ${at} of ${path}`);
        assert.equal(basename(dirname(damaged.movedTo)), 'detached');
        bytes[at] = bytes[at]! ^ (1 << (at % 8));
        // Back again: the next flip is the only one.
        cpSync(damaged.movedTo, join(store, part), { recursive: true });
        rmSync(damaged.movedTo, { recursive: true });
        writeFileSync(path, bytes);
      }
    }
    store = copy();
  }
});

test('a part that lacks a file is set aside; a second copy of it under another name', () => {
  const store = copy();
  const [part = ''] = parts;
  for (let time = 0; time < 2; time += 1) {
    rmSync(join(store, part, 'count.txt'));
    assert.equal(setDamagedPartsAside(store).length, 1);
    cpSync(join(made, part), join(store, part), { recursive: true });
  }
  assert.equal(readdirSync(join(store, dirname(part), 'detached')).length, 2);
});

test('a folder without a store is nothing to look at', () => {
  assert.deepEqual(setDamagedPartsAside(join(folder, 'missing')), []);
});
