/** A disk that remembers its writes (block-log.c), mounted with a file system, and the images of it that a cut of power leaves. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/wait.ts';

export const FILE_SYSTEMS = ['ext4', 'xfs', 'btrfs'] as const;
/** ext2 has no journal, which would bring more to disk than what is synced; a check mends it before it is mounted. */
export type FileSystem = (typeof FILE_SYSTEMS)[number] | 'ext2';

/** The least that each takes; the fewer, the faster an image is copied. */
const SIZE_MIB: Record<FileSystem, number> = { ext2: 384, ext4: 384, xfs: 512, btrfs: 512 };
const MAKE: Record<FileSystem, readonly string[]> = {
  ext2: ['-q', '-F', '-b', '4096', '-E', 'nodiscard,lazy_itable_init=0'],
  ext4: ['-q', '-F', '-b', '4096', '-E', 'nodiscard,lazy_itable_init=0,lazy_journal_init=0'],
  xfs: ['-q', '-f', '-K'],
  btrfs: ['-q', '-f', '-K'],
};

const SOURCE = join(import.meta.dirname, 'block-log.c');

/** Why this machine cannot cut power to a disk; undefined when it can. */
export function noPowerCuts(fs: FileSystem): string | undefined {
  if (process.platform !== 'linux') return 'loop devices and FUSE are of Linux';
  if (process.getuid?.() !== 0) return 'loop devices need root';
  for (const device of ['/dev/fuse', '/dev/loop-control']) {
    try {
      accessSync(device, constants.R_OK | constants.W_OK);
    } catch {
      return `this machine has no ${device}`;
    }
  }
  if (!runs('pkg-config', '--exists', 'fuse3')) return 'libfuse3-dev is not installed';
  if (!runs('cc', '--version')) return 'there is no C compiler';
  if (!runs(`mkfs.${fs}`, '-V')) return `mkfs.${fs} is not installed`;
  return undefined;
}

function runs(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

export type DiskOptions = {
  /** Nobody else's; it keeps what was recorded. */
  readonly work: string;
  readonly fs: FileSystem;
  /** How long a flush takes longer. */
  readonly syncUs?: number;
  readonly mountOptions?: string;
  /** What the disk has in the beginning; undefined: a new file system. */
  readonly image?: string;
  /** Lines that stand before all that is written, also when it is mounted. */
  readonly notes?: Iterable<string>;
};

/** Where a recording has its files. */
export function filesOf(work: string) {
  return { first: join(work, 'first.img'), log: join(work, 'log') };
}

/** Records from `start` until `end`. */
export class RecordedDisk {
  /** Where it is mounted. */
  readonly folder: string;
  readonly #blocks: string;
  readonly #process: ChildProcess;
  readonly #loop: string;
  readonly #notes: number;

  private constructor(folder: string, blocks: string, process: ChildProcess, loop: string) {
    this.folder = folder;
    this.#blocks = blocks;
    this.#process = process;
    this.#loop = loop;
    this.#notes = openSync(join(blocks, 'note'), 'w');
  }

  static async start(options: DiskOptions): Promise<RecordedDisk> {
    const { work, fs, syncUs = 0, mountOptions, image, notes = [] } = options;
    const [blocks, folder] = [join(work, 'blocks'), join(work, 'disk')];
    for (const path of [work, blocks, folder]) mkdirSync(path, { recursive: true });
    const program = join(work, 'block-log');
    const flags = run('pkg-config', '--cflags', '--libs', 'fuse3').trim().split(/\s+/u);
    run('cc', '-O2', '-o', program, SOURCE, ...flags);
    const { first, log } = filesOf(work);
    if (image === undefined) makeFileSystem(fs, first);
    else copyImage(image, first);
    const live = join(work, 'live.img');
    copyImage(first, live);
    const logger = spawn(program, [blocks, live, log, String(syncUs)], { stdio: 'inherit' });
    await until('the recording disk', () => {
      assert.equal(logger.exitCode, null, 'it ended');
      return existsSync(join(blocks, 'disk'));
    });
    const loop = run('losetup', '-f', '--show', join(blocks, 'disk')).trim();
    const disk = new RecordedDisk(folder, blocks, logger, loop);
    for (const line of notes) disk.note(line);
    try {
      mount(loop, folder, mountOptions);
    } catch (error) {
      await disk.end();
      throw error;
    }
    return disk;
  }

  /** Puts a line between the writes. */
  note(line: string): void {
    writeSync(this.#notes, `${line}\n`);
  }

  /** No server may run on it any more. */
  async end(): Promise<void> {
    closeSync(this.#notes);
    if (isMounted(this.folder)) await unmount(this.folder);
    run('losetup', '-d', this.#loop);
    const ended = once(this.#process, 'exit');
    run('fusermount3', '-u', this.#blocks);
    await ended;
  }
}

/** An image, mounted as after a start of the machine. */
export class MountedImage {
  readonly folder: string;
  readonly #loop: string;

  /** Throws when the file system cannot be mounted. */
  constructor(image: string, folder: string, fs: FileSystem, mountOptions?: string) {
    mkdirSync(folder, { recursive: true });
    this.folder = folder;
    // It exits with 1 when it has mended something.
    if (fs === 'ext2') spawnSync('e2fsck', ['-fy', image], { stdio: 'ignore' });
    this.#loop = run('losetup', '-f', '--show', image).trim();
    // A second file system with the id of the first.
    const options = [mountOptions, fs === 'xfs' ? 'nouuid' : undefined].filter(Boolean).join(',');
    try {
      mount(this.#loop, folder, options === '' ? undefined : options);
    } catch (error) {
      run('losetup', '-d', this.#loop);
      throw error;
    }
  }

  async unmount(): Promise<void> {
    await unmount(this.folder);
    run('losetup', '-d', this.#loop);
  }
}

/** Only what is not zeros takes space and time. */
export function copyImage(from: string, to: string): void {
  run('cp', '--sparse=always', from, to);
}

function makeFileSystem(fs: FileSystem, image: string): void {
  writeFileSync(image, '');
  truncateSync(image, SIZE_MIB[fs] * 1024 * 1024);
  run(`mkfs.${fs}`, ...MAKE[fs], image);
}

function mount(loop: string, folder: string, options: string | undefined): void {
  run('mount', ...(options === undefined ? [] : ['-o', options]), loop, folder);
}

function isMounted(folder: string): boolean {
  return runs('mountpoint', '-q', folder);
}

async function unmount(folder: string): Promise<void> {
  await until(`${folder} is unmounted`, () => runs('umount', folder));
}

/** What it printed. Throws with what it said when it fails. */
function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
