import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isMoved, MovedError, OpenPaths } from './open-paths.ts';

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-paths-'));
  const [file, log] = [join(folder, 'file'), join(folder, 'log')];
  const fds = [file, log].map((path) => openSync(path, 'w'));
  t.after(() => {
    fds.forEach(closeSync);
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, file, log };
}

test('what its paths name is what they named', async (t) => {
  const { folder, file, log } = setUp(t);
  const paths = new OpenPaths({ files: [file], logs: [log], folders: [folder] });
  paths.check();
  await paths.look();
  rmSync(log);
  paths.checkClosed();
  assert.throws(() => paths.check(), MovedError);
  await assert.rejects(paths.look(), MovedError);
  paths.close();
  paths.close();
});

test('a file that was replaced after it was opened is not taken for it', (t) => {
  const { file } = setUp(t);
  rmSync(file);
  writeFileSync(file, '');
  assert.throws(() => new OpenPaths({ files: [file] }), /was replaced meanwhile/u);
  rmSync(file);
  assert.throws(() => new OpenPaths({ files: [file] }), /is not there any more/u);
});

test('a folder that is made again under its name is another one', (t) => {
  const { folder } = setUp(t);
  const below = join(folder, 'below');
  mkdirSync(below);
  const paths = new OpenPaths({ files: [], folders: [below] });
  t.after(() => paths.close());
  // A file system may give the number of one that is gone to the next one.
  for (let time = 0; time < 20; time += 1) {
    rmSync(below, { recursive: true });
    mkdirSync(below);
    assert.throws(() => paths.check(), /was replaced meanwhile/u);
  }
});

test('a link that leads elsewhere is another folder', async (t) => {
  const { folder } = setUp(t);
  const link = join(folder, 'link');
  mkdirSync(join(folder, 'one'));
  mkdirSync(join(folder, 'two'));
  symlinkSync('one', link);
  const paths = new OpenPaths({ files: [], folders: [link] });
  t.after(() => paths.close());
  paths.check();
  symlinkSync('two', `${link}-2`);
  renameSync(`${link}-2`, link);
  await assert.rejects(paths.look(), /link is not the one that was opened/u);
});

test('a disk that has given up, and is mounted as before, is read-only', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-paths-'));
  const [image, disk] = [join(folder, 'image'), join(folder, 'disk')];
  mkdirSync(disk);
  writeFileSync(image, new Uint8Array(8 * 1024 * 1024));
  t.after(() => {
    run('umount', '-l', disk);
    rmSync(folder, { recursive: true });
  });
  if (!run('mkfs.ext4', '-q', image) || !run('mount', '-o', 'loop', image, disk)) {
    return t.skip('this machine does not let a test mount an ext4 file system');
  }
  const probe = join(disk, 'probe');
  writeFileSync(probe, '');
  const paths = new OpenPaths({ files: [], folders: [disk], probes: [probe] });
  t.after(() => paths.close());
  await paths.look();
  // As ext4 does by itself when it meets an error, with errors=remount-ro.
  assert.ok(run('mount', '-o', 'remount,abort', disk));
  await assert.rejects(paths.look(), /disk is on a disk that has become read-only/u);
});

function run(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args).status === 0;
}

test('a MovedError is known by its code', () => {
  assert.ok(isMoved(new MovedError('')));
  assert.ok(isMoved(Object.assign(new Error(''), { code: new MovedError('').code })));
  assert.ok(!isMoved(new Error('')));
  assert.ok(!isMoved(undefined));
});
