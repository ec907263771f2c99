/** What backup and restore refuse: each with one line that says what is wrong, and nothing is written. */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { newClient } from '../support/sdk.ts';
import { newFolder, removeFolder, runCli, Server, type Exit } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';

describe('backup and restore', () => {
  let server: Server;
  let meter: string;
  const parent = newFolder();
  const backup = join(parent, 'backup');
  const startS = dayStart(1);

  before(async () => {
    server = await Server.start();
    const client = newClient(server);
    const created = await createMeter(client);
    meter = created.id;
    for (const value of ['1.5', '2']) {
      await sendEvent(client, created, { customer: 'cus_1', value, timestamp: startS + 60 });
    }
    const exit = await back(backup);
    assert.equal(exit.code, 0, exit.stderr);
  });
  after(async () => {
    await server.remove();
    removeFolder(parent);
  });

  const back = async (to: string, ...flags: string[]): Promise<Exit> =>
    await runCli(['backup', '--to', to, '--data', server.folder, ...flags]);
  const restoreTo = async (to: string, from = backup): Promise<Exit> =>
    await runCli(['restore', '--from', from, '--data', to]);

  /** One line on stderr, no stack, and a bad exit. */
  const refused = (exit: Exit, message: RegExp): void => {
    assert.equal(exit.code, 1, exit.stdout);
    assert.match(exit.stderr, message);
    assert.equal(exit.stderr.trimEnd().split('\n').length, 1, exit.stderr);
  };

  const usage = async (of: Server): Promise<string> =>
    await total(of, { meter, customer: 'cus_1', start_time: startS, end_time: startS + DAY_S });

  test('a backup of a stopped folder has what waited in its journal', async () => {
    const from = join(parent, 'restored-once');
    assert.equal((await restoreTo(from)).code, 0);
    const to = join(parent, 'of-stopped');
    const exit = await runCli(['backup', '--to', to, '--data', from]);
    assert.equal(exit.code, 0, exit.stderr);
    assert.match(exit.stdout, /stands at sequence 2:/u);
    assert.equal(existsSync(join(from, 'snapshot')), false);
    const folder = join(parent, 'restored-twice');
    assert.equal((await restoreTo(folder, to)).code, 0);
    const restored = await Server.start({ folder });
    assert.equal(await usage(restored), '3.5');
    await restored.remove();
  });

  test('only the owner can read a backup, or ask the server for one', () => {
    for (const path of [
      backup,
      join(backup, 'data/journal.db'),
      join(server.folder, 'control.sock'),
    ]) {
      assert.equal(statSync(path).mode & 0o077, 0, path);
    }
  });

  test('a backup is not made where something is, nor over one that is being made', async () => {
    refused(await back(backup), /is there already/u);
    const file = join(parent, 'file');
    writeFileSync(file, '');
    refused(await back(file), /is there already/u);
    const to = join(parent, 'half');
    mkdirSync(`${to}.partial`);
    refused(await back(to), /half\.partial is being written, or was left/u);
    assert.equal(existsSync(to), false);
    const empty = join(parent, 'empty');
    mkdirSync(empty);
    assert.equal((await back(empty)).code, 0);
    refused(await runCli(['backup', '--data', server.folder]), /--to/u);
    refused(await runCli(['backup', '--to', `${to}2`, '--data', parent]), /no data folder/u);
  });

  test('the base has to be a finished backup', async () => {
    const to = join(parent, 'on-nothing');
    refused(await back(to, '--base', server.folder), /is no finished backup/u);
    assert.deepEqual(
      readdirSync(parent).filter((name) => name.startsWith('on-nothing')),
      [],
    );
  });

  test('a backup is not restored over data', async () => {
    const before = readdirSync(server.folder);
    refused(await restoreTo(server.folder), /is not empty/u);
    assert.deepEqual(readdirSync(server.folder), before);
    refused(await runCli(['restore', '--from', backup]), /--data/u);
  });

  test('a damaged file is named, whatever is wrong with it, and nothing is restored', async () => {
    const path = 'data/journal.db';
    const bytes = readFileSync(join(backup, path));
    bytes[5000]! ^= 1;
    const damages: [RegExp, (folder: string) => void][] = [
      [/journal\.db is not what its manifest says/u, (f) => writeFileSync(join(f, path), bytes)],
      [/journal\.db has 100 bytes/u, (f) => truncateSync(join(f, path), 100)],
      [/journal\.db is missing/u, (f) => rmSync(join(f, path))],
      [/manifest\.json/u, (f) => truncateSync(join(f, 'manifest.json'), 300)],
      [
        /manifest\.json/u,
        (f) => editManifest(f, (text) => text.replace('"bytes": 1,', '"bytes": 2,')),
      ],
      [/no finished backup/u, (f) => rmSync(join(f, 'manifest.json'))],
    ];
    for (const [message, damage] of damages) {
      const damaged = join(parent, 'damaged');
      cpSync(backup, damaged, { recursive: true, verbatimSymlinks: true });
      damage(damaged);
      const to = join(parent, 'of-damaged');
      refused(await restoreTo(to, damaged), message);
      assert.deepEqual(existsSync(to) ? readdirSync(to) : [], []);
      rmSync(damaged, { recursive: true });
    }
  });

  test('a backup of a newer version, or one that leads out of its folder, is refused', async () => {
    const edits: [RegExp, (manifest: EditedManifest) => void][] = [
      [/made by a newer version of Taximeter \(0\.1\.0, format 7;/u, (m) => (m.format = 7)],
      [/which no data folder has/u, (m) => (m.links[0]!.target = '../../../elsewhere')],
      [/which no data folder has/u, (m) => (m.links[0]!.target = '/elsewhere')],
      [/which no data folder has/u, (m) => (m.files[0]!.path = '../outside')],
    ];
    for (const [message, edit] of edits) {
      const edited = join(parent, 'edited');
      cpSync(backup, edited, { recursive: true, verbatimSymlinks: true });
      editManifest(edited, (text) => {
        const { manifest } = JSON.parse(text) as { manifest: EditedManifest };
        edit(manifest);
        const sha256 = createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
        return JSON.stringify({ sha256, manifest });
      });
      const to = join(parent, 'of-edited');
      refused(await restoreTo(to, edited), message);
      assert.equal(existsSync(to), false);
      rmSync(edited, { recursive: true });
    }
  });

  test('a folder that a restore has not finished is not served', async () => {
    const folder = join(parent, 'unfinished');
    mkdirSync(join(folder, 'restoring'), { recursive: true });
    refused(
      await runCli(['serve', '--port', '0', '--data', folder]),
      /restore into \S+ has not finished/u,
    );
    assert.deepEqual(readdirSync(folder), ['restoring']);
  });
});

type EditedManifest = { format: number; files: { path: string }[]; links: { target: string }[] };

function editManifest(backup: string, edit: (text: string) => string): void {
  const path = join(backup, 'manifest.json');
  const text = readFileSync(path, 'utf8');
  const edited = edit(text);
  assert.notEqual(edited, text);
  writeFileSync(path, edited);
}
