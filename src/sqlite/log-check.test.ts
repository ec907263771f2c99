/** On logs that SQLite itself has written. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { openDatabase } from '../catalog/sqlite/database.ts';
import { Writer } from '../catalog/sqlite/writer.ts';
import { checkLog, type LogState } from './log-check.ts';

const PAGE_BYTES = 1024;
const FRAME_BYTES = 24 + PAGE_BYTES;

const folder = mkdtempSync(join(tmpdir(), 'taximeter-log-'));
after(() => rmSync(folder, { recursive: true }));

/** A log of some commits of several frames each, as a process that is killed leaves it: how long it was after each. */
function writeLog(name: string, commits: number): { file: string; ends: number[] } {
  const path = join(folder, name);
  const db = new Database(path);
  db.pragma(`page_size = ${PAGE_BYTES}`);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t (v BLOB)');
  // What SQLite finds in the file: frames of an earlier log stay behind those of this one.
  db.prepare('INSERT INTO t VALUES (zeroblob(20000))').run();
  db.pragma('wal_checkpoint(FULL)');
  const ends: number[] = [];
  for (let i = 0; i < commits; i += 1) {
    db.prepare('INSERT INTO t VALUES (?)').run(new Uint8Array(2000).fill(i + 1));
    copyFileSync(`${path}-wal`, join(folder, `${name}.${i}`));
    ends.push(endOfLog(readFileSync(`${path}-wal`)));
  }
  const file = join(folder, `${name}.${commits - 1}`);
  db.close();
  return { file, ends };
}

/** Where the frames of the current log end, by their marks. */
function endOfLog(log: Buffer): number {
  let at = 32;
  while (at < log.length && log.compare(log, 16, 24, at + 8, at + 16) === 0) at += FRAME_BYTES;
  return at;
}

function withFlip(log: Buffer, at: number, bit: number): LogState {
  const file = join(folder, 'flipped');
  const copy = Buffer.from(log);
  copy[at] = copy[at]! ^ (1 << bit);
  writeFileSync(file, copy);
  return checkLog(file);
}

test('a log is whole at every length that a crash can leave', () => {
  const { file, ends } = writeLog('whole', 3);
  assert.equal(checkLog(file), 'whole');
  const cut = join(folder, 'cut');
  for (let length = ends[1]!; length <= ends[2]!; length += 1) {
    copyFileSync(file, cut);
    truncateSync(cut, length);
    assert.equal(checkLog(cut), 'whole', `${length} bytes`);
  }
  assert.equal(checkLog(join(folder, 'missing')), 'empty');
});

test('a flipped bit in any byte of a commit that others followed is found', () => {
  const { file, ends } = writeLog('flips', 3);
  const log = readFileSync(file);
  for (let at = 0; at < ends[1]!; at += 3) {
    // The version of the header's format and the number of checkpoints are in its checksum too.
    assert.equal(withFlip(log, at, at % 8), 'damaged', `byte ${at}`);
  }
});

test('a flipped bit in the last commit is told, unless it says where it ends', () => {
  const { file, ends } = writeLog('last', 3);
  const log = readFileSync(file);
  const lastFrame = ends[2]! - FRAME_BYTES;
  const missed: number[] = [];
  for (let at = ends[1]!; at < ends[2]!; at += 1) {
    if (withFlip(log, at, at % 8) === 'whole') missed.push(at - lastFrame);
  }
  // Bytes of the last frame that say how many pages the file has then. Only a bit that leaves none there is missed.
  for (const at of missed) assert.ok(at >= 4 && at < 8, `byte ${at} of the last frame`);
});

/** The log of a catalog with commits that were synced ('S') and commits that were not ('U'): where each ends. */
function writeCatalog(commits: string): { log: Buffer; ends: number[]; unsyncedPage: number } {
  const path = join(folder, `catalog-${commits}`);
  const db = openDatabase(path);
  const writer = new Writer(db);
  const insert = db.prepare(
    `INSERT INTO answers
       (namespace, idempotency_key, fingerprint, status, body, request_id, created_ms)
     VALUES ('ns', ?, '', 200, ?, '', 1)`,
  );
  let row = 0;
  // Several pages.
  const write = (): unknown => insert.run(String((row += 1)), 'x'.repeat(9000));
  const [synced, unsynced] = [writer.transaction(write), writer.unsynced(write)];
  db.pragma('wal_checkpoint(FULL)');
  synced();
  const ends = commits.split('').map((kind) => {
    if (kind === 'S') synced();
    else unsynced();
    return endOfCatalogLog(readFileSync(`${path}-wal`));
  });
  const find = db.prepare<[], number>(
    "SELECT rootpage FROM sqlite_schema WHERE name = 'unsynced_commits'",
  );
  const unsyncedPage = find.pluck().get()!;
  const log = readFileSync(`${path}-wal`).subarray(0, ends.at(-1));
  db.close();
  return { log, ends, unsyncedPage };
}

const CATALOG_FRAME_BYTES = 24 + 4096;

function endOfCatalogLog(log: Buffer): number {
  let at = 32;
  while (at < log.length && log.compare(log, 16, 24, at + 8, at + 16) === 0)
    at += CATALOG_FRAME_BYTES;
  return at;
}

function stateOf(log: Buffer, unsyncedPage: number | undefined): LogState {
  const file = join(folder, 'cut-log');
  writeFileSync(file, log);
  return checkLog(file, unsyncedPage);
}

test('of commits that were not synced a power cut may take any part: that is no damage', () => {
  const { log, ends, unsyncedPage } = writeCatalog('SUUUU');
  const from = ends[0]!;
  const [firstSector, sectors] = [Math.floor(from / 512), Math.ceil(log.length / 512)];
  const all = Array.from({ length: sectors - firstSector }, (_, i) => firstSector + i);
  fc.assert(
    fc.property(fc.subarray(all), (lost) => {
      const copy = Buffer.from(log);
      for (const sector of lost)
        copy.fill(0, Math.max(from, sector * 512), Math.min((sector + 1) * 512, log.length));
      const state = stateOf(copy, unsyncedPage);
      assert.ok(state === 'torn' || state === 'whole', state);
    }),
    { numRuns: 500 },
  );
  for (const [first, last] of [
    [0, 1],
    [1, 2],
    [0, 3],
  ] as const) {
    const copy = Buffer.from(log);
    copy.fill(0, ends[first], ends[last]);
    assert.equal(stateOf(copy, unsyncedPage), 'torn', `lost ${first} to ${last}`);
    assert.equal(
      stateOf(copy, undefined),
      last === 3 ? 'torn' : 'damaged',
      'as the journal has it',
    );
  }
});

test('a part of a commit that one followed which was synced is damage, whatever was between', () => {
  for (const commits of ['SS', 'US', 'SUS', 'UUUS', 'USU']) {
    const { log, ends, unsyncedPage } = writeCatalog(commits);
    const lastSynced = commits.lastIndexOf('S');
    const before = lastSynced === 0 ? 32 : ends[lastSynced - 1]!;
    for (let at = 32; at < before; at += 401) {
      const copy = Buffer.from(log);
      copy[at] = copy[at]! ^ (1 << (at % 8));
      assert.equal(stateOf(copy, unsyncedPage), 'damaged', `${commits}, byte ${at}`);
    }
  }
});
