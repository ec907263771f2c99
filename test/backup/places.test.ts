/** A backup is looked at and never opened; nothing is put where a data folder has its own parts, wherever links lead. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { stateOf } from '../support/folder-state.ts';
import { newClient } from '../support/sdk.ts';
import { newFolder, removeFolder, REPO, runCli, Server, type Exit } from '../support/server.ts';
import { noSmallDisks, SmallDisks } from '../support/small-disk.ts';
import { dayStart } from '../support/times.ts';
import { until, within } from '../support/wait.ts';

let server: Server;
const parent = newFolder();
const backup = join(parent, 'backup');
const temporary = join(parent, 'temporary');
let asMade: Readonly<Record<string, string>>;

before(async () => {
  server = await Server.start();
  const client = newClient(server);
  const meter = await createMeter(client);
  for (const value of ['1.5', '2']) {
    await sendEvent(client, meter, { customer: 'cus_1', value, timestamp: dayStart(1) });
  }
  const exit = await runCli(['backup', '--to', backup, '--data', server.folder]);
  assert.equal(exit.code, 0, exit.stderr);
  asMade = stateOf(backup);
  mkdirSync(temporary);
  symlinkSync(join(backup, 'data'), join(parent, 'link'));
});
after(async () => {
  await server.remove();
  removeFolder(parent);
});

/** One line on stderr, no stack, and a bad exit. */
function refused(exit: Exit, message: RegExp): void {
  assert.equal(exit.code, 1, exit.stdout);
  assert.match(exit.stderr, message);
  assert.equal(exit.stderr.trimEnd().split('\n').length, 1, exit.stderr);
}

describe('a backup is not opened, and stays as it is', () => {
  const COMMANDS = [
    ['serve', '--port', '0'],
    ['audit'],
    ['keys', 'create'],
    ['keys', 'list'],
    ['keys', 'revoke', 'key_1'],
    ['prune', '--before', '2020-01-01', '--yes'],
    ['backup', '--to', join(parent, 'of-backup')],
    ['restore', '--from', backup],
  ];
  for (const command of COMMANDS) {
    test(command.slice(0, 2).join(' '), async () => {
      const places = [
        join(backup, 'data'),
        join(parent, 'link'),
        backup,
        join(backup, 'data/usage/new'),
        join(backup, 'beside'),
        join(parent, 'link/x'),
      ];
      for (const data of places) {
        const exit = await runCli([...command, '--data', data]);
        refused(
          exit,
          /belongs to the backup .*\(taximeter restore .* taximeter audit --backup |is not empty/u,
        );
        assert.deepEqual(stateOf(backup), asMade);
      }
    });
  }

  test('and can be restored after all that', async () => {
    const exit = await runCli(['restore', '--from', backup, '--data', join(parent, 'restored')]);
    assert.equal(exit.code, 0, exit.stderr);
    // Once it is elsewhere, it is opened like any other folder.
    const audit = await runCli(['audit', '--data', join(parent, 'restored')]);
    assert.equal(audit.code, 0, audit.stderr);
  });

  test("another program's manifest.json beside a data folder is none", async () => {
    const beside = join(parent, 'beside');
    mkdirSync(beside);
    writeFileSync(join(beside, 'manifest.json'), '{ "name": "app", "sha256": "", "manifest": {} }');
    const exit = await runCli(['keys', 'create', '--data', join(beside, 'data')]);
    assert.equal(exit.code, 0, exit.stderr);
  });
});

describe('audit --backup', () => {
  const env = { TMPDIR: temporary };

  test('restores it elsewhere, audits that, and leaves nothing', async () => {
    const exit = await runCli(['audit', '--backup', backup], { env });
    assert.equal(exit.code, 0, exit.stderr);
    assert.match(exit.stdout, /^2 events in 1 customer hours, 0 differences[^\n]*\n$/u);
    const json = await runCli(['audit', '--backup', backup, '--json', '--customer', 'cus_2'], {
      env,
    });
    assert.equal((JSON.parse(json.stdout) as { events: number }).events, 0);
    assert.deepEqual(readdirSync(temporary), []);
    assert.deepEqual(stateOf(backup), asMade);
  });

  test('says what is wrong with a damaged one, and leaves nothing', async () => {
    const damaged = join(parent, 'damaged');
    const made = await runCli(['backup', '--to', damaged, '--data', server.folder]);
    assert.equal(made.code, 0, made.stderr);
    truncateSync(join(damaged, 'data/catalog.db'), 100);
    refused(await runCli(['audit', '--backup', damaged], { env }), /catalog\.db has 100 bytes/u);
    refused(await runCli(['audit', '--backup', parent], { env }), /is no finished backup/u);
    refused(
      await runCli(['audit', '--backup', backup, '--data', 'x'], { env }),
      /do not go together/u,
    );
    assert.deepEqual(readdirSync(temporary), []);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`${signal} ends it, and nothing is left`, async () => {
      const args = [join(REPO, 'src/main.ts'), 'audit', '--backup', backup];
      const child = spawn(process.execPath, args, {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      });
      const exited = once(child, 'exit');
      await until('it has begun', () => readdirSync(temporary).length > 0);
      child.kill(signal);
      assert.deepEqual(await within('it ends', exited), [1, null]);
      assert.deepEqual(readdirSync(temporary), []);
      assert.deepEqual(stateOf(backup), asMade);
    });
  }
});

describe('what is made is not put into a data folder', () => {
  const back = async (to: string, ...flags: string[]): Promise<Exit> =>
    await runCli(['backup', '--to', to, '--data', server.folder, ...flags]);

  test('a backup of it', async () => {
    const { folder } = server;
    symlinkSync(folder, join(parent, 'to-data'));
    await until('the last snapshot is gone', () => !existsSync(join(folder, 'snapshot')));
    const names = readdirSync(folder).sort();
    for (const to of [
      join(folder, 'backup'),
      join(folder, 'snapshot/backup'),
      join(folder, 'snapshot'),
      join(folder, 'usage/backup'),
      join(folder, 'not/there/yet'),
      join(parent, 'to-data/snapshot/backup'),
      join(folder, '../', folder.split('/').at(-1) ?? '', 'backup'),
    ]) {
      refused(await back(to), /is in the data folder|is there already/u);
      assert.deepEqual(readdirSync(folder).sort(), names);
    }
    const old = join(folder, 'old');
    cpSync(backup, old, { recursive: true, verbatimSymlinks: true });
    refused(await back(join(parent, 'new'), '--base', old), /The base .* is in the data folder/u);
    rmSync(old, { recursive: true });
    assert.deepEqual(readdirSync(folder).sort(), names);
  });

  test('a backup of it, by a link to what is not there yet', async () => {
    const { folder } = server;
    const names = readdirSync(folder).sort();
    const beside = join(parent, 'links');
    mkdirSync(beside);
    symlinkSync(relative(beside, join(folder, 'snapshot')), join(beside, 'relative'));
    symlinkSync('relative', join(beside, 'further'));
    symlinkSync(join(folder, 'usage'), join(beside, 'usage'));
    for (const to of ['relative', 'relative/backup', 'further', 'usage/../backup']) {
      // As it is: join would take `usage/..` for nothing.
      refused(await back(`${beside}/${to}`), /is in the data folder/u);
      assert.deepEqual(readdirSync(folder).sort(), names);
    }
    symlinkSync('new', join(beside, 'to-new'));
    const exit = await back(join(beside, 'to-new'));
    assert.equal(exit.code, 0, exit.stderr);
    assert.deepEqual(readdirSync(join(beside, 'new')).sort(), ['data', 'manifest.json']);
  });

  test('a backup of it while it is stopped', async () => {
    const folder = join(parent, 'stopped');
    assert.equal((await runCli(['keys', 'create', '--data', folder])).code, 0);
    const to = join(folder, 'snapshot/backup');
    refused(await runCli(['backup', '--to', to, '--data', folder]), /is in the data folder/u);
  });

  test('a backup into another backup', async () => {
    refused(await back(join(backup, 'data/more')), /belongs to the backup/u);
    refused(await back(join(backup, 'more')), /belongs to the backup/u);
    assert.deepEqual(stateOf(backup), asMade);
  });

  test('another data folder in its own parts', async () => {
    const data = join(server.folder, 'snapshot');
    for (const place of [data, join(data, 'x'), join(server.folder, 'usage/x')]) {
      for (const command of [
        ['serve', '--port', '0'],
        ['keys', 'create'],
        ['restore', '--from', backup],
      ]) {
        const exit = await runCli([...command, '--data', place]);
        refused(exit, /is a part of the data folder/u);
      }
    }
  });

  test('a backup in place of a disk', { skip: noSmallDisks() ?? false }, async (t) => {
    const disks = await SmallDisks.mount([{ at: '', sizeMiB: 8 }]);
    t.after(async () => await disks.remove());
    const { folder, wrap } = disks;
    const args = ['backup', '--to', folder, '--data', server.folder];
    refused(await runCli(args, { wrap }), /is where a disk is mounted: name a new folder in it/u);
    assert.deepEqual(readdirSync(disks.path('')), []);
    assert.ok(!existsSync(`${folder}.partial`));
  });

  test('a backup may be made by a link to an empty folder', async () => {
    const [folder, link] = [join(parent, 'empty'), join(parent, 'to-empty')];
    mkdirSync(folder);
    symlinkSync(folder, link);
    const exit = await back(link);
    assert.equal(exit.code, 0, exit.stderr);
    assert.deepEqual(readdirSync(folder).sort(), ['data', 'manifest.json']);
  });
});
