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
