/**
 * The data folder is removed, moved, replaced, or its disk goes, under the running server. SQLite writes on into files that
 * nobody can find again, without an error: so the server has to see it, acknowledge nothing, and end with a bad exit (P9).
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { stateOf } from '../support/folder-state.ts';
import { call } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newFolder, removeFolder, runCli, type Exit } from '../support/server.ts';
import { noSmallDisks, SmallDisks } from '../support/small-disk.ts';
import { repeat, within } from '../support/wait.ts';
import { Metered } from './metered.ts';

const noDisks = noSmallDisks() ?? false;

type Harm = (folder: string, aside: string) => void;

/** Which of its paths is looked at first depends on what the server does just then. */
const GONE = /data\/\S+ is not there any more: it was moved or removed while it was open/u;
const REPLACED = /data\/?\S* is not (?:the one that was opened|there any more)/u;

const HARMS: readonly (readonly [what: string, names: RegExp, harm: Harm])[] = [
  ['the folder is removed', GONE, (folder) => remove(folder)],
  ['the folder is moved', GONE, (folder, aside) => renameSync(folder, aside)],
  [
    'all in it is removed',
    GONE,
    (folder) => {
      for (const name of ['journal.db', 'journal.db-wal', 'catalog.db', 'usage']) {
        remove(join(folder, name));
      }
    },
  ],
  [
    'another folder takes its place',
    REPLACED,
    (folder, aside) => {
      renameSync(folder, aside);
      mkdirSync(folder);
    },
  ],
  [
    'a copy takes its place',
    REPLACED,
    (folder, aside) => {
      // As good as it gets while the engine makes and removes files there.
      spawnSync('cp', ['-a', folder, aside]);
      renameSync(folder, `${aside}-2`);
      renameSync(aside, folder);
    },
  ],
  [
    'journal.db-wal is removed',
    /journal\.db-wal is not there/u,
    (folder) => remove(join(folder, 'journal.db-wal')),
  ],
  [
    'journal.db is replaced by a copy',
    /journal\.db is not the one/u,
    (folder, aside) => {
      copyFileSync(join(folder, 'journal.db'), aside);
      renameSync(aside, join(folder, 'journal.db'));
    },
  ],
];

for (const [what, names, harm] of HARMS) {
  test(`${what}: no event is acknowledged after it`, async (t) => {
    const { metered, aside } = await setUp(t);
    harm(metered.server.folder, aside);
    const answer = await metered.send(unique('evt')).catch(() => undefined);
    if (answer !== undefined) assert.equal(answer.status, 503, answer.text);
    assertStopped(await within('it ends', metered.server.exited), names);
  });

  test(`${what}: a stop just after it is not taken for a good one`, async (t) => {
    const { metered, aside } = await setUp(t);
    harm(metered.server.folder, aside);
    const exit = await metered.server.stop();
    assert.equal(exit.code, 1, exit.stderr);
    assert.match(exit.stderr, names);
    assert.doesNotMatch(exit.stderr, /"Stopped\."/u);
  });
}

test('catalog.db is removed: no change is acknowledged after it', async (t) => {
  const { metered } = await setUp(t);
  const { server } = metered;
  remove(join(server.folder, 'catalog.db'));
  const customer = { path: '/v1/customers', body: { name: 'x' } };
  const answer = await call(server, customer).catch(() => undefined);
  if (answer !== undefined) assert.equal(answer.status, 503, answer.text);
  assertStopped(await within('it ends', server.exited), /catalog\.db is not there/u);
});

const WHILE_IDLE: readonly (readonly [what: string, names: RegExp, harm: Harm])[] = [
  ...HARMS,
  ['usage/ is removed', GONE, (f) => remove(join(f, 'usage'))],
  ['usage/ is moved', GONE, (f, aside) => renameSync(join(f, 'usage'), aside)],
  ['catalog.db is removed', /catalog\.db is not there/u, (f) => remove(join(f, 'catalog.db'))],
  [
    'catalog.db-shm is removed',
    /catalog\.db-shm is not/u,
    (f) => remove(join(f, 'catalog.db-shm')),
  ],
];

for (const [what, names, harm] of WHILE_IDLE) {
  test(`${what}: the server sees it by itself`, async (t) => {
    const { metered, aside, acknowledged } = await setUp(t);
    const { server } = metered;
    // Nothing waits for anything any more.
    assert.equal(await metered.counted(), acknowledged.length);
    harm(server.folder, aside);
    // It is gone 0.1 s after it says so, so a busy machine may not see the answer.
    let said: string | undefined;
    const stopAsking = repeat(5, () => {
      call(server, { path: '/readyz', key: null }).then(
        ({ status, text }) => (said = status === 200 ? said : text),
        () => undefined,
      );
    });
    const exit = await within('it ends', server.exited);
    stopAsking();
    assertStopped(exit, names);
    if (said !== undefined)
      assert.match(said, /"unready".*its data folder is not what it has open/u);
  });
}

test('a folder that was moved has all that was acknowledged, and goes on where it is', async (t) => {
  const { metered, aside, acknowledged } = await setUp(t);
  const { server } = metered;
  // So that the engine, which goes by paths, makes nothing where the folder was.
  assert.equal(await metered.counted(), acknowledged.length);
  renameSync(server.folder, aside);
  const { acknowledged: more } = await metered.sendUntilRefused();
  assert.deepEqual(more, []);
  await within('it ends', server.exited);
  renameSync(aside, server.folder);
  await server.restart();
  for (const identifier of acknowledged) await metered.assertKnown(identifier);
  // One that was refused may be stored or not.
  const above = (await metered.counted()) - acknowledged.length;
  assert.ok(above === 0 || above === 1, `${above} more than were acknowledged`);
  await metered.assertAudited();
});

test('a restored backup that takes the place of the folder stays as it is', async (t) => {
  const { metered, aside } = await setUp(t);
  const { server } = metered;
  const parent = newFolder();
  t.after(() => removeFolder(parent));
  const [backup, restored] = [join(parent, 'backup'), join(parent, 'restored')];
  for (const args of [
    ['backup', '--to', backup, '--data', server.folder],
    ['restore', '--from', backup, '--data', restored],
  ]) {
    const { code, stderr } = await runCli(args);
    assert.equal(code, 0, stderr);
  }
  const before = stateOf(restored);
  renameSync(server.folder, aside);
  renameSync(restored, server.folder);
  await metered.send(unique('evt')).catch(() => undefined);
  assert.equal((await within('it ends', server.exited)).code, 1);
  assert.deepEqual(stateOf(server.folder), before);
});

const READ_ONLY = /is on a disk that has become read-only/u;
const MOUNTS: readonly (readonly [what: string, at: string[], names: RegExp, script: string])[] = [
  ['the disk of the folder goes', [''], /is not there any more/u, 'umount -l "$1"'],
  ['another disk is mounted over it', [''], /is not there any more/u, 'mount -t tmpfs none "$1"'],
  ['the disk of usage/ goes', ['', 'usage'], /usage\S* is not/u, 'umount -l "$1/usage"'],
  // The kernel refuses to make a disk read-only while files on it are open for writing: so, in front of it, made elsewhere.
  [
    'the disk becomes read-only',
    [''],
    READ_ONLY,
    'mount --bind "$1" /mnt && mount -o remount,bind,ro /mnt && mount --bind /mnt "$1"',
  ],
  [
    'the disk of usage/ becomes read-only',
    ['', 'usage'],
    READ_ONLY,
    'mount --bind "$1/usage" /mnt && mount -o remount,bind,ro /mnt && mount --bind /mnt "$1/usage"',
  ],
];

for (const [what, at, names, script] of MOUNTS) {
  test(`${what}: the server stops`, { skip: noDisks }, async (t) => {
    const disks = await SmallDisks.mount(at.map((place) => ({ at: place, sizeMiB: 48 })));
    t.after(async () => await disks.remove());
    const { folder, wrap } = disks;
    const metered = await Metered.start(t, { folder, wrap });
    assert.equal((await metered.send(unique('evt'))).status, 200);
    const [command, ...args] = [...wrap, 'sh', '-ec', script, 'sh', folder] as const;
    const done = spawnSync(command, args, { encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
    assertStopped(await within('it ends', metered.server.exited), names);
  });
}

/** A server with some events, and a path beside its folder. */
async function setUp(t: TestContext) {
  const parent = newFolder();
  const folder = join(parent, 'data');
  mkdirSync(folder);
  const metered = await Metered.start(t, { folder });
  t.after(() => removeFolder(parent));
  const acknowledged = Array.from({ length: 5 }, () => unique('evt'));
  for (const identifier of acknowledged) {
    assert.equal((await metered.send(identifier)).status, 200);
  }
  return { metered, acknowledged, aside: join(parent, 'aside') };
}

function assertStopped({ code, signal, stderr }: Exit, names: RegExp): void {
  assert.deepEqual([code, signal], [1, null], stderr);
  const line = stderr
    .split('\n')
    .find((text) => text.includes('Stopping, because its data folder'));
  assert.ok(line !== undefined, stderr);
  assert.match(line, names);
  assert.doesNotMatch(stderr, /"Stopped\."/u);
}

/** The server may be making something in it meanwhile. */
function remove(path: string): void {
  rmSync(path, { recursive: true, maxRetries: 10 });
}
