/** Parts that are gone, and parts of a data folder that do not belong together: repaired, or refused; never a wrong sum. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import Database from 'better-sqlite3';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { newClient } from '../support/sdk.ts';
import { removeFolder, Server } from '../support/server.ts';
import { copyOf, judge, makeFolder, partsOf, removeMade, type MadeFolder } from './made-folder.ts';

const TABLES = ['events', 'usage_hourly', 'cancellations', 'rejections'];

let stopped: MadeFolder;
let killed: MadeFolder;
/** `stopped`, some events later. */
let later: string;

before(async () => {
  stopped = await makeFolder('stopped');
  killed = await makeFolder('killed');
  later = copyOf(stopped);
  const server = await Server.start({ folder: later });
  try {
    const client = newClient(server);
    const meter = await createMeter(client);
    for (let i = 0; i < 3; i += 1) await sendEvent(client, meter, { customer: 'cus_later' });
  } finally {
    await server.stop();
  }
});
after(() => {
  for (const made of [stopped, killed]) removeMade(made);
  removeFolder(later);
});

/** As if it had come so long ago that the journal has dropped it. */
function forgetKept(folder: string): void {
  const db = new Database(join(folder, 'journal.db'));
  db.exec('DELETE FROM blocks WHERE id <= (SELECT moved_block FROM journal)');
  db.close();
}

suite('a lost part', () => {
  for (const table of TABLES) {
    test(`of ${table}, deleted, is there again`, async () => {
      for (const made of [stopped, killed]) {
        const folder = copyOf(made);
        const [part = ''] = partsOf(folder, table);
        rmSync(part, { recursive: true });
        assert.equal(await judge(made, folder), 'as before');
      }
    });
  }

  test('detached by hand, all of them at once, is there again', async () => {
    const folder = copyOf(stopped);
    for (const part of TABLES.flatMap((table) => partsOf(folder, table))) {
      mkdirSync(join(part, '../detached'), { recursive: true });
      renameSync(part, join(part, '../detached', part.split('/').at(-1) ?? ''));
    }
    assert.equal(await judge(stopped, folder), 'as before');
  });

  test('of events that the journal does not have any more is refused, again and again', async () => {
    const folder = copyOf(stopped);
    forgetKept(folder);
    rmSync(partsOf(folder, 'events')[0] ?? '', { recursive: true });
    for (let time = 0; time < 2; time += 1) {
      const server = Server.launch({ folder });
      const { code, stderr } = await server.exited;
      assert.equal(code, 1);
      assert.match(stderr, /usage\/ lacks .*sequences \d+ to \d+.*Restore/u);
    }
    assert.equal(await judge(stopped, folder), 'refused');
  });

  test('of the rollup is made again from the events, whatever the journal has', async () => {
    const folder = copyOf(stopped);
    forgetKept(folder);
    for (const part of partsOf(folder, 'usage_hourly')) rmSync(part, { recursive: true });
    assert.equal(await judge(stopped, folder), 'as before');
  });
});

test('an earlier usage store gets from the journal what came after it', async () => {
  const folder = copyOf({ folder: later });
  put(stopped.folder, 'usage', folder);
  assert.equal(await judge(stopped, folder), 'as before');
});

suite('files that do not belong together are refused', () => {
  const cases: [string, (folder: string) => void][] = [
    ['the journal of another folder', (folder) => put(killed.folder, 'journal.db', folder)],
    ['the usage store of another folder', (folder) => put(killed.folder, 'usage', folder)],
    ['the catalog of another folder', (folder) => put(killed.folder, 'catalog.db', folder)],
    ['a later usage store', (folder) => put(later, 'usage', folder)],
    [
      'an earlier usage store that lacks more than the journal has',
      (folder) => {
        put(later, 'journal.db', folder);
        forgetKept(folder);
      },
    ],
    ['no journal', (folder) => rmSync(join(folder, 'journal.db'))],
    ['no usage store', (folder) => rmSync(join(folder, 'usage'), { recursive: true })],
    ['no catalog', (folder) => rmSync(join(folder, 'catalog.db'))],
  ];
  for (const [name, damage] of cases) {
    test(name, async () => {
      const folder = copyOf(stopped);
      damage(folder);
      assert.equal(await judge(stopped, folder), 'refused');
    });
  }

  test('a journal without its log, after a kill', async () => {
    const folder = copyOf(killed);
    rmSync(join(folder, 'journal.db-wal'));
    assert.equal(await judge(killed, folder), 'refused');
  });
});

test('a folder that nothing happened to is served, and a copy of it too', async () => {
  assert.equal(await judge(stopped, copyOf(stopped)), 'as before');
  assert.equal(await judge(killed, copyOf(killed)), 'as before');
});

test('identifiers and answered keys may be deleted', async () => {
  const folder = copyOf(stopped);
  for (const name of ['identifiers', 'answered-keys']) {
    assert.ok(existsSync(join(folder, name)));
    rmSync(join(folder, name), { recursive: true });
  }
  assert.equal(await judge(stopped, folder), 'as before');
});

/** Takes a part of another folder, with its log if it has one. */
function put(from: string, name: string, to: string): void {
  for (const part of [name, `${name}-wal`]) {
    rmSync(join(to, part), { recursive: true, force: true });
    if (!existsSync(join(from, part))) continue;
    cpSync(join(from, part), join(to, part), { recursive: true, verbatimSymlinks: true });
  }
}
