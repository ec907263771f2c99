/** The journal's file, damaged: what is in it comes out as it was written, or not at all. */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { StartupError } from '../../lib/startup-error.ts';
import { aBlock, aReceipt } from '../contract.ts';
import { packReceipts } from '../receipt.ts';
import { SqliteJournal } from './sqlite-journal.ts';

/** Prime, so that all bits have their turn. */
const STEP = 3;
const PAGE_BYTES = 16_384;

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-damage-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Blocks 1 to 3 have left, 4 to 6 have not, and there is an open plan; as a process that is killed leaves it. */
function killed(t: TestContext): string {
  const folder = newFolder(t);
  const journal = new SqliteJournal(join(folder, 'journal.db'));
  t.after(() => journal.close());
  for (let n = 0; n < 6; n += 1) {
    const receipts = packReceipts([aReceipt({ keyHash: Uint32Array.of(n, 0, 0, 0) })]);
    const keyHash = Uint32Array.of(n, 0, 0, 0);
    journal.commit(aBlock({ receipts, answerBodies: [{ keyHash, body: `body ${n}` }] }, n));
    if (n !== 2) continue;
    journal.finishFlush(journal.planFlush()?.lastSequence ?? 0);
  }
  journal.planFlush();
  return copied(t, folder);
}

function copied(t: TestContext, folder: string): string {
  const copy = newFolder(t);
  cpSync(folder, copy, { recursive: true });
  return copy;
}

/** Everything that the journal answers. */
function contents(folder: string) {
  const journal = new SqliteJournal(join(folder, 'journal.db'));
  try {
    const plan = journal.planFlush();
    return {
      state: journal.state,
      plan: { ...plan, events: textOf(plan?.events), rejections: textOf(plan?.rejections) },
      moved: journal.moved(),
      kept: textOf(journal.keptRows().events),
      receipts: journal.receiptsAfter(0, 0).map(({ blockId, packed }) => [blockId, textOf(packed)]),
      // One that has another key now is one that nobody finds; it must not be another's.
      strangeBodies: [0, 1, 5].filter((n) => {
        const body = journal.answerBody(n + 1, Uint32Array.of(n, 0, 0, 0));
        return body !== undefined && body !== `body ${n}`;
      }),
    };
  } finally {
    journal.close();
  }
}

function textOf(bytes: Uint8Array = new Uint8Array()): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Names the journal, and says what to do. */
function isDamage(error: unknown): boolean {
  if (!(error instanceof StartupError)) return false;
  const { message } = error;
  return /journal/u.test(message) && /restore|start (?:once|that version)/iu.test(message);
}

test('a flipped bit anywhere in the file gives the same contents, or an error that names it', (t) => {
  const folder = killed(t);
  // All into the file: the log has checksums of its own.
  const expected = contents(folder);
  const bytes = readFileSync(join(folder, 'journal.db'));
  const copy = newFolder(t);
  let found = 0;
  let harmless = 0;
  // Mostly bytes of which there is something, and some of the free space.
  for (let at = 0; at < bytes.length; at += 1) {
    if (at % (bytes[at] === 0 ? 499 : STEP) !== 0) continue;
    const flipped = Buffer.from(bytes);
    flipped[at] = flipped[at]! ^ (1 << (at % 8));
    rmSync(join(copy, 'journal.db-wal'), { force: true });
    writeFileSync(join(copy, 'journal.db'), flipped);
    if (areAsBefore(copy, expected, `byte ${at}`)) harmless += 1;
    else found += 1;
  }
  t.diagnostic(`${found} found, ${harmless} harmless`);
  assert.ok(found > 100);
});

/** False when they are refused. */
function areAsBefore(folder: string, expected: unknown, what: string): boolean {
  let seen: unknown;
  try {
    seen = contents(folder);
  } catch (error) {
    assert.ok(isDamage(error), `${what}: ${String(error)}`);
    return false;
  }
  assert.deepEqual(seen, expected, what);
  return true;
}

test('a log cut at any byte of the last commit gives all before it', (t) => {
  const folder = killed(t);
  const log = readFileSync(join(folder, 'journal.db-wal'));
  const cut = copied(t, folder);
  let before: ReturnType<typeof contents> | undefined;
  // The open plan is what was committed last: one page.
  const start = log.length - 24 - PAGE_BYTES;
  for (let length = start; length < log.length; length += 13) {
    rmSync(cut, { recursive: true });
    cpSync(folder, cut, { recursive: true });
    truncateSync(join(cut, 'journal.db-wal'), length);
    const found = contents(cut);
    before ??= found;
    assert.deepEqual(found, before, `${length} bytes`);
  }
  // It is made again, over the same blocks.
  assert.deepEqual(before?.plan, contents(folder).plan);
});

test('a file without its log is refused, unless it was closed', (t) => {
  const folder = killed(t);
  const file = join(folder, 'journal.db');
  rmSync(`${file}-wal`);
  for (let time = 0; time < 2; time += 1) assert.throws(() => new SqliteJournal(file), isDamage);
  truncateSync(file, 0);
  // An empty file is a new journal: that it belongs to no usage store is found elsewhere.
  new SqliteJournal(file).close();
  assert.equal(existsSync(`${file}-wal`), false);
  new SqliteJournal(file).close();
});

test('a log that is damaged in its middle is refused, and stays as it is', (t) => {
  const folder = killed(t);
  const file = join(folder, 'journal.db');
  const log = readFileSync(`${file}-wal`);
  const middle = Math.floor(log.length / 2);
  log[middle] = log[middle]! ^ 1;
  writeFileSync(`${file}-wal`, log);
  assert.throws(() => new SqliteJournal(file), isDamage);
  assert.deepEqual(readFileSync(`${file}-wal`), log);
});

test('a last commit that is not whole is given up only when that is asked for', (t) => {
  const folder = killed(t);
  const file = join(folder, 'journal.db');
  const log = readFileSync(`${file}-wal`);
  log[log.length - 5] = log[log.length - 5]! ^ 1;
  writeFileSync(`${file}-wal`, log);
  assert.throws(() => new SqliteJournal(file), /--accept-torn-log/u);
  const journal = new SqliteJournal(file, true);
  assert.equal(journal.state.lastBlockId, 6);
  journal.close();
});
