/** The catalog under several processes, and under `kill -9`. This file is also the child that it starts. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { aKey, aMeter, anAnswer, NAMESPACE, sha256 } from '../contract/fixtures.ts';
import { openSqliteCatalog } from './sqlite-catalog.ts';
import { pause } from '../../../test/support/wait.ts';

const [, , role, childFile = '', childName = ''] = process.argv;
if (role === 'make-key') await makeKey(childFile, childName);
else if (role === 'write') await write(childFile);
else if (role === 'make-meters') await makeMeters(childFile, childName);
else defineTests();

/** Waits for a word, so that all children open the file at once; tells the default account it sees. */
async function makeKey(file: string, name: string): Promise<void> {
  process.send?.('ready');
  await once(process, 'message');
  const catalog = openSqliteCatalog(file);
  await catalog.keys.create(aKey(`key_${name}`), sha256(name));
  process.send?.(catalog.keys.defaultAccount());
  catalog.close();
  process.disconnect();
}

/** Writes to a file that has no log yet: SQLite refuses others the switch to one, and does not wait. */
async function write(file: string): Promise<void> {
  const db = new Database(file);
  db.exec('BEGIN IMMEDIATE');
  process.send?.('writing');
  await pause(100);
  db.close();
  process.disconnect();
}

/** Creates and changes meters until it is killed; tells the id of each when its call has returned. */
async function makeMeters(file: string, name: string): Promise<void> {
  const catalog = openSqliteCatalog(file);
  for (let n = 0; ; n++) {
    const id = `mtr_${name}_${n}`;
    await catalog.meters.create(aMeter(id), () => anAnswer(`created ${id}`));
    await catalog.meters.change(
      NAMESPACE,
      id,
      (meter) => ({ ...meter, displayName: 'changed' }),
      () => anAnswer(`changed ${id}`),
    );
    await new Promise((sent) => process.send?.(id, sent));
  }
}

function defineTests(): void {
  test('processes that open a new file at once agree on its schema and its account', async (t) => {
    const file = newFile(t);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const children = names.map((name) => start('make-key', file, name));
    await Promise.all(children.map(async (child) => await message(child)));
    const accounts = await Promise.all(
      children.map(async (child) => {
        const answer = message(child);
        child.send('go');
        return await answer;
      }),
    );
    const catalog = openSqliteCatalog(file);
    t.after(() => catalog.close());
    assert.deepEqual(new Set(accounts), new Set([catalog.keys.defaultAccount()]));
    const ids = (await catalog.keys.list()).map((key) => key.id).toSorted();
    assert.deepEqual(ids, names.map((name) => `key_${name}`).toSorted());
    for (const name of names) assert.equal(catalog.keys.find(sha256(name))?.namespace, NAMESPACE);
  });

  test('who opens a new file waits for another process that is at it', async (t) => {
    const file = newFile(t);
    await message(start('write', file));
    openSqliteCatalog(file).close();
  });

  test('after kill -9, what was answered is there, and each change has its answer', async (t) => {
    const file = newFile(t);
    const answered: string[] = [];
    for (let round = 0; round < 8; round++) {
      const child = start('make-meters', file, String(round));
      child.on('message', (id: string) => answered.push(id));
      while (answered.length < (round + 1) * 7) await message(child);
      child.kill('SIGKILL');
      await once(child, 'exit');

      const catalog = openSqliteCatalog(file);
      const keys = new Set([...catalog.answers.keys()].map((key) => key.idempotencyKey));
      const expected: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await catalog.meters.list(NAMESPACE, { limit: 100, startingAfter: cursor });
        for (const { id, displayName } of page.data) {
          expected.push(`created ${id}`);
          if (displayName === 'changed') expected.push(`changed ${id}`);
        }
        cursor = page.hasMore ? page.data.at(-1)?.id : undefined;
      } while (cursor !== undefined);
      assert.deepEqual(keys, new Set(expected));
      for (const id of answered) assert.ok(keys.has(`changed ${id}`), id);
      catalog.close();
    }
  });
}

function start(...args: readonly string[]): ChildProcess {
  return fork(import.meta.filename, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

/** The next message; throws when the child ends without one. */
async function message(child: ChildProcess): Promise<unknown> {
  // Not `exit`, which may overtake the last message.
  const ended = new AbortController();
  const end = (): void => ended.abort(new Error('the child has ended'));
  child.once('disconnect', end);
  try {
    const [text] = (await once(child, 'message', { signal: ended.signal })) as [unknown];
    return text;
  } finally {
    child.off('disconnect', end);
  }
}

function newFile(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'taximeter-catalog-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return path.join(folder, 'catalog.db');
}
