/**
 * A backup that comes from elsewhere, made to lead out of its folder or to hang a restore. Its manifest is well-formed, and
 * its sum is right: anybody can compute it. Each is refused with one line that says which entry; nothing is touched.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { stateOf } from '../support/folder-state.ts';
import { newClient } from '../support/sdk.ts';
import { newFolder, removeFolder, runCli, Server } from '../support/server.ts';
import { dayStart } from '../support/times.ts';

type File = { path: unknown; bytes: number; sha256: string };
type Manifest = { files: File[]; links: { path: string; target: string }[]; sequence: unknown };

const parent = newFolder();
const backup = join(parent, 'backup');
const hostile = join(parent, 'hostile');
const home = join(parent, 'rest/home');

before(async () => {
  const server = await Server.start();
  const client = newClient(server);
  const meter = await createMeter(client);
  await sendEvent(client, meter, { customer: 'cus_1', value: '1', timestamp: dayStart(1) });
  const exit = await runCli(['backup', '--to', backup, '--data', server.folder]);
  assert.equal(exit.code, 0, exit.stderr);
  await server.remove();
  mkdirSync(home, { recursive: true });
  for (const name of ['run-nightly.sh', 'draft.tmp', 'manifest.json']) {
    writeFileSync(join(home, name), name);
  }
});
after(() => {
  removeFolder(parent);
});

/** The backup with its manifest changed and signed again. */
function edit(change: (manifest: Manifest) => void): void {
  const path = join(hostile, 'manifest.json');
  const { manifest } = JSON.parse(readFileSync(path, 'utf8')) as { manifest: Manifest };
  change(manifest);
  const sha256 = createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
  writeFileSync(path, JSON.stringify({ sha256, manifest }));
}

/** A file of a part, below which a hostile backup may put what it likes. */
function partFile(): string {
  const { manifest } = JSON.parse(readFileSync(join(backup, 'manifest.json'), 'utf8')) as {
    manifest: Manifest;
  };
  const file = manifest.files.find(({ path }) => String(path).endsWith('/checksums.txt'));
  return String(file?.path);
}

const EMPTY = createHash('sha256').update('').digest('hex');
const data = (path: string): string => join(hostile, 'data', path);

/** What is changed in `hostile`, a copy of the backup, and what the one line says. */
type Case = readonly [what: string, says: RegExp, change: () => void];

const LINKS: readonly Case[] = [
  [
    'links one of which leads out by way of the others',
    /names usage\/store\/\S+\/l1 as a link to \S+, which no data folder has/u,
    () =>
      edit(({ links }) => {
        const part = dirname(partFile());
        const up = part
          .split('/')
          .map(() => '..')
          .join('/');
        links.push({ path: `${part}/l1`, target: `${up}/.` });
        links.push({ path: `${part}/l2`, target: 'l1/../home' });
        links.push({ path: 'identifiers', target: `${part}/l2` });
      }),
  ],
  ...[
    ['identifiers', '../home'],
    ['identifiers', 'usage'],
    ['catalog.db-wal', '../home/run-nightly.sh'],
    ['usage/metadata/other', '/'],
    ['usage/metadata/other', '../../../home'],
    ['usage/metadata/other', '../store/../../../home'],
    ['usage/metadata/other', '../store/f28/f28c9604-52bf-4640-995f-b4217c353db9/../../../..'],
    ['usage/metadata/other', '../store/f28/e28c9604-52bf-4640-995f-b4217c353db9'],
    ['usage/metadata/a/b', '../store/f28/f28c9604-52bf-4640-995f-b4217c353db9'],
  ].map(([path = '', target = '']): Case => [
    `a link ${path} to ${target}`,
    new RegExp(`names ${path} as a link to ${target.replaceAll('.', '\\.')}, which no`, 'u'),
    () => edit(({ links }) => void links.push({ path, target })),
  ]),
];

const PATHS: readonly Case[] = [
  '../outside',
  'usage/store/../../../outside',
  'usage/store/./x',
  'usage/store//x',
  'usage/metadata/..',
  '/outside',
  '',
  'control.sock',
  'identifiers/manifest.json',
  'snapshot/x',
  'usage/user_defined/function_x.sql',
  'usage/access/users.list',
  'usage/store/x\u0000y',
].map((path) => [
  `a file ${JSON.stringify(path)}`,
  /The backup names \S*, which no data folder has/u,
  () => edit(({ files }) => void files.push({ path, bytes: 0, sha256: EMPTY })),
]);

const MANIFESTS: readonly Case[] = [
  [
    'a file twice',
    /names journal\.db, twice/u,
    () => edit(({ files }) => void files.push(files.find(({ path }) => path === 'journal.db')!)),
  ],
  [
    'a file that is a folder too',
    /names usage\/store\/\S+, twice/u,
    () =>
      edit(({ files }) => void files.push({ path: `${partFile()}/x`, bytes: 0, sha256: EMPTY })),
  ],
  [
    'a link in place of a folder',
    /names usage\/metadata\/\w+, twice/u,
    () =>
      edit(
        ({ files, links }) =>
          void files.push({ path: `${links[0]!.path}/x`, bytes: 0, sha256: EMPTY }),
      ),
  ],
  [
    'a path that is no text',
    /damaged: \S+manifest\.json/u,
    () => edit(({ files }) => void (files[0]!.path = 7)),
  ],
  [
    'an entry that is none',
    /damaged: \S+manifest\.json/u,
    () => edit((manifest) => void (manifest.files = [null as unknown as File])),
  ],
  [
    'no list of files',
    /damaged: \S+manifest\.json/u,
    () => edit((manifest) => void (manifest.files = 'all' as unknown as File[])),
  ],
  [
    'a sequence that is a text',
    /damaged: \S+manifest\.json/u,
    () => edit((manifest) => void (manifest.sequence = '\u001B[2J')),
  ],
  [
    'nothing',
    /damaged: \S+manifest\.json/u,
    () => writeFileSync(join(hostile, 'manifest.json'), '{"sha256":"","manifest":null}'),
  ],
];

const SOURCES: readonly Case[] = [
  [
    'a link to a file of the same content',
    /names journal\.db, which is no ordinary file/u,
    () => moveOut('data/journal.db'),
  ],
  [
    'a link to a folder of the same content',
    /names data\/usage\/store, which is no folder/u,
    () => moveOut('data/usage/store'),
  ],
  ['a link to the whole', /names data, which is no folder/u, () => moveOut('data')],
  ['a link to the manifest', /is no finished backup/u, () => moveOut('manifest.json')],
  [
    'a pipe',
    /names usage\/store\/pipe, which is no ordinary file/u,
    () => {
      makePipe(data('usage/store/pipe'));
      edit(({ files }) => void files.push({ path: 'usage/store/pipe', bytes: 0, sha256: EMPTY }));
    },
  ],
  [
    'a pipe as its manifest',
    /is no finished backup/u,
    () => {
      rmSync(join(hostile, 'manifest.json'));
      makePipe(join(hostile, 'manifest.json'));
    },
  ],
  [
    'a folder in place of a file',
    /names catalog\.db, which is no ordinary file/u,
    () => {
      rmSync(data('catalog.db'));
      mkdirSync(data('catalog.db'));
    },
  ],
];

function moveOut(path: string): void {
  const outside = join(parent, 'outside');
  rmSync(outside, { recursive: true, force: true });
  renameSync(join(hostile, path), outside);
  symlinkSync(outside, join(hostile, path));
}

function makePipe(path: string): void {
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
}

describe('a hostile backup is not restored', () => {
  for (const [what, says, change] of [...LINKS, ...PATHS, ...MANIFESTS, ...SOURCES]) {
    test(what, async () => {
      rmSync(hostile, { recursive: true, force: true });
      cpSync(backup, hostile, { recursive: true, verbatimSymlinks: true });
      change();
      const before = stateOf(home);
      const to = join(parent, 'rest/data');
      const exit = await runCli(['restore', '--from', hostile, '--data', to]);
      assert.equal(exit.code, 1, exit.stdout);
      assert.match(exit.stderr, says);
      assert.equal(exit.stderr.trimEnd().split('\n').length, 1, exit.stderr);
      assert.ok(!existsSync(to));
      assert.deepEqual(stateOf(home), before);
    });
  }

  test('as a base neither', async () => {
    rmSync(hostile, { recursive: true, force: true });
    cpSync(backup, hostile, { recursive: true, verbatimSymlinks: true });
    moveOut('data/usage/store');
    const folder = join(parent, 'rest/made');
    assert.equal((await runCli(['keys', 'create', '--data', folder])).code, 0);
    const to = join(parent, 'rest/new');
    const exit = await runCli(['backup', '--to', to, '--base', hostile, '--data', folder]);
    assert.equal(exit.code, 1);
    assert.match(exit.stderr, /names data\/usage\/store, which is no folder/u);
    assert.ok(!existsSync(to));
  });

  test('the backup itself is', async () => {
    const exit = await runCli(['restore', '--from', backup, '--data', join(parent, 'rest/good')]);
    assert.equal(exit.code, 0, exit.stderr);
  });
});
