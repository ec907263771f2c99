/** The journal in its file: locks, versions, `kill -9` and a full disk. This file is also the child it starts. */
import assert from 'node:assert/strict';
import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { StartupError } from '../../lib/startup-error.ts';
import { aBlock, journalContract } from '../contract.ts';
import type { Journal } from '../journal.ts';
import { openFile } from './journal-file.ts';
import { SCHEMA_STEPS } from './schema.ts';
import { FLUSH_BYTES_MAX, FLUSH_ROWS_MAX } from './sqlite-journal.ts';
import { openSqliteJournal } from './thread-journal.ts';

const [, , role, childFolder = ''] = process.argv;
if (role === 'commit') await commitUntilKilled(join(childFolder, 'journal.db'));
else if (role === 'hold') await hold(join(childFolder, 'journal.db'));
else if (role === 'fill') await fillDisk(childFolder);
else defineTests();

/** Commits blocks and tells the number of each when its commit has resolved. */
async function commitUntilKilled(file: string): Promise<void> {
  const journal = await openSqliteJournal(file);
  for (let n = journal.lastSequence; ; n += 1) {
    await journal.commit(aBlock({}, n));
    process.send?.(n);
  }
}

async function hold(file: string): Promise<void> {
  await openSqliteJournal(file);
  process.send?.('open');
}

/** On a small disk: commits until one fails, makes room again, and tells what happens then. */
async function fillDisk(folder: string): Promise<void> {
  const ballast = join(folder, 'ballast');
  writeFileSync(ballast, new Uint8Array(512 * 1024));
  const file = join(folder, 'journal.db');
  const journal = await openSqliteJournal(file);
  const acknowledged: number[] = [];
  const outcomes: string[] = [];
  try {
    for (let n = 0; ; n += 1) {
      await journal.commit(aBlock({ cancellations: new Uint8Array(20_000) }, n));
      acknowledged.push(n);
    }
  } catch (error) {
    outcomes.push(String(error));
  }
  rmSync(ballast);
  for (const call of [
    async () => await journal.commit(aBlock({}, 1_000_000)),
    async () => await journal.planFlush(),
    async () => await journal.receipts(1),
  ]) {
    outcomes.push(await call().then(() => 'resolved', String));
  }
  await journal.close();
  const reopened = await openSqliteJournal(file);
  const stored = Buffer.from((await reopened.planFlush())?.events ?? '').toString();
  await reopened.close();
  console.log(JSON.stringify({ acknowledged, outcomes, stored }));
}

function defineTests(): void {
  journalContract('SQLite', async () => {
    const folder = newFolder();
    const file = join(folder, 'journal.db');
    const copyFile = join(folder, 'copy.db');
    let copy: Journal | undefined;
    let journal: Journal = await openSqliteJournal(file);
    return {
      journal,
      reopen: async () => {
        await journal.close();
        journal = await openSqliteJournal(file);
        return journal;
      },
      copyFile,
      openCopy: async () => (copy = await openSqliteJournal(copyFile)),
      dispose: async () => {
        await copy?.close();
        // A test may have closed it already.
        await journal.close().catch(() => undefined);
        rmSync(folder, { recursive: true });
      },
    };
  });
  suite('SQLite: the size of a plan', planSizes);
  suite('SQLite: the file', fileTests);
  suite('SQLite: crashes', crashTests);
}

function planSizes(): void {
  test('a plan takes the oldest blocks, as many as fit into its rows', async (t) => {
    const journal = await openIn(t);
    for (const rows of [FLUSH_ROWS_MAX - 10, 10, 0, 1]) await journal.commit(aBlock({ rows }));
    assert.deepEqual(await planRows(journal), [FLUSH_ROWS_MAX, 1]);
  });

  test('a block with more rows than that is a plan of its own', async (t) => {
    const journal = await openIn(t);
    for (const rows of [1, FLUSH_ROWS_MAX + 1, 1]) await journal.commit(aBlock({ rows }));
    assert.deepEqual(await planRows(journal), [1, FLUSH_ROWS_MAX + 1, 1]);
  });

  test('a plan takes no more bytes than one process can hold at once, however few rows', async (t) => {
    const journal = await openIn(t);
    for (let i = 0; i < 3; i += 1) {
      const events = new Uint8Array(FLUSH_BYTES_MAX / 2);
      await journal.commit(aBlock({ events, cancellations: Buffer.of(), rejections: Buffer.of() }));
    }
    assert.deepEqual(await planRows(journal), [2, 1]);
  });
}

function fileTests(): void {
  test('blocks of the first version leave in their own format, before those of this one', async (t) => {
    const folder = newFolder(t);
    const old = new Database(join(folder, 'journal.db'));
    old.exec(SCHEMA_STEPS[0]!);
    old.exec(`INSERT INTO journal VALUES (1, 'id', x'00112233445566778899aabbccddeeff', 4)`);
    for (const n of [5, 6]) {
      old.exec(`INSERT INTO blocks (last_sequence, rows, events, cancellations)
        VALUES (${n}, 1, CAST('line ${n};' AS BLOB), x'')`);
    }
    old.pragma('user_version = 1');
    old.close();
    const journal = await openIn(t, folder);
    assert.deepEqual([journal.lastSequence, journal.lastBlockId], [6, 2]);
    assert.equal(journal.backlogBytes, 2 * 'line 5;'.length);
    await journal.commit(aBlock({ lastSequence: 7 }, 7));
    const seen: [string, string, number][] = [];
    for (let plan = await journal.planFlush(); plan; plan = await journal.planFlush()) {
      seen.push([plan.eventsFormat, Buffer.from(plan.events).toString(), plan.lastSequence]);
      await journal.finishFlush(plan);
    }
    assert.deepEqual(seen, [
      ['JSONCompactEachRow', 'line 5;line 6;', 6],
      ['Native', 'event 7\n', 7],
    ]);
  });

  test('a commit is synced, in a log beside the file; the file is locked', (t) => {
    const { db } = openFile(join(newFolder(t), 'journal.db'));
    assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
    assert.equal(db.pragma('synchronous', { simple: true }), 2, '2 is FULL');
    assert.equal(db.pragma('fullfsync', { simple: true }), 1, 'also past the drive cache of a Mac');
    assert.equal(db.pragma('locking_mode', { simple: true }), 'exclusive');
    db.close();
  });

  test('a second opening in the same process is refused in one line', async (t) => {
    const folder = newFolder(t);
    const journal = await openIn(t, folder);
    await assert.rejects(openSqliteJournal(join(folder, 'journal.db')), isLocked);
    await journal.commit(aBlock({}));
  });

  test('a second process is refused in one line, until the first one is dead', async (t) => {
    const folder = newFolder(t);
    const child = start('hold', folder);
    await once(child, 'message');
    await assert.rejects(openSqliteJournal(join(folder, 'journal.db')), isLocked);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await openIn(t, folder);
  });

  for (const mode of ['WAL', 'DELETE']) {
    test(`a newer file in ${mode} mode is refused in one line, and stays as it was`, async (t) => {
      const folder = newFolder(t);
      const file = join(folder, 'journal.db');
      const journal = await openSqliteJournal(file);
      await journal.commit(aBlock({}));
      await journal.close();
      const db = new Database(file);
      db.pragma(`journal_mode = ${mode}`);
      db.pragma('user_version = 7001');
      db.close();
      const before = readFileSync(file);
      await assert.rejects(openSqliteJournal(file), (error) => {
        assert.ok(error instanceof StartupError);
        assert.match(error.message, /^The journal [^\n]*newer[^\n]*7001[^\n]*$/);
        return true;
      });
      assert.deepEqual(readFileSync(file), before);
      assert.deepEqual(readdirSync(folder), ['journal.db']);
    });
  }
}

function crashTests(): void {
  test('after kill -9 every block whose commit resolved is there, once, in order', async (t) => {
    const folder = newFolder(t);
    let told = -1;
    for (let kills = 1; kills <= 2; kills += 1) {
      const child = start('commit', folder);
      child.on('message', (n: number) => {
        told = n;
        if (n >= kills * 40) child.kill('SIGKILL');
      });
      await once(child, 'exit');
    }
    const journal = await openIn(t, folder);
    assert.ok(journal.lastSequence > told);
    const stored = Buffer.from((await journal.planFlush())?.events ?? '').toString();
    const expected = Array.from({ length: journal.lastSequence }, (_, n) => `event ${n}\n`);
    assert.equal(stored, expected.join(''));
  });

  test('after a write that failed nothing is committed any more, though there is room again', async (t) => {
    const folder = newFolder(t);
    const output = onSmallDisk(folder);
    if (output === undefined) {
      t.skip('this machine does not let a test mount a small disk');
      return;
    }
    const result = JSON.parse(output) as Record<'acknowledged' | 'outcomes', string[]> & {
      stored: string;
    };
    assert.ok(result.acknowledged.length > 3, 'the disk was not full from the start');
    assert.equal(result.stored, result.acknowledged.map((n) => `event ${n}\n`).join(''));
    assert.equal(result.outcomes.length, 4);
    for (const outcome of result.outcomes) assert.match(outcome, /full/);
  });
}

/** Runs this file's `fill` on a disk of 1 MiB, seen only by the child; undefined where that is not allowed. */
function onSmallDisk(folder: string): string | undefined {
  const inNamespace = (script: string) =>
    spawnSync(
      'unshare',
      ['-Urm', 'sh', '-c', `mount -t tmpfs -o size=1m none "$1" && ${script}`, '-', folder],
      {
        encoding: 'utf8',
      },
    );
  if (inNamespace('true').status !== 0) return undefined;
  const child = inNamespace(`"${process.execPath}" "${import.meta.filename}" fill "$1"`);
  assert.equal(child.status, 0, child.stderr);
  return child.stdout;
}

function isLocked(error: unknown): true {
  assert.ok(error instanceof StartupError);
  assert.match(error.message, /^Another process holds the data folder [^\n]+$/);
  return true;
}

/** The rows of plan after plan, until nothing is left. */
async function planRows(journal: Journal): Promise<number[]> {
  const rows: number[] = [];
  for (;;) {
    const plan = await journal.planFlush();
    if (plan === undefined) return rows;
    rows.push(plan.rows);
    await journal.finishFlush(plan);
  }
}

function start(...args: readonly string[]): ChildProcess {
  return fork(import.meta.filename, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

async function openIn(t: TestContext, folder = newFolder(t)): Promise<Journal> {
  const journal = await openSqliteJournal(join(folder, 'journal.db'));
  t.after(async () => await journal.close());
  return journal;
}

/** A new folder, which goes when the test ends; whoever passes no test removes it. */
function newFolder(t?: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-journal-'));
  t?.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
