/**
 * Disks of a few megabytes (tmpfs) that a test may mount without being root: in a namespace of their own, which a
 * process holds. Servers run in it by `wrap`; the test reaches the files by way of that process.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder, removeFolder } from './server.ts';

/** Why this machine cannot have them; undefined when it can. */
export function noSmallDisks(): string | undefined {
  const tried = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'none', '/mnt']);
  return tried.status === 0 ? undefined : 'this machine does not let a test mount a small disk';
}

export type Mount = {
  /** Below the data folder, or '' for the folder itself; later mounts may lie in earlier ones. */
  readonly at: string;
  readonly sizeMiB: number;
};

export class SmallDisks {
  readonly folder: string;
  /** What a command line begins with that sees the mounts. */
  readonly wrap: readonly string[];
  readonly #holder: ChildProcess;

  private constructor(folder: string, holder: ChildProcess) {
    this.folder = folder;
    this.#holder = holder;
    this.wrap = ['nsenter', '-t', String(holder.pid), '-U', '-m', '--preserve-credentials'];
  }

  static async mount(mounts: readonly Mount[]): Promise<SmallDisks> {
    const folder = newFolder();
    const script = mounts.map(({ at, sizeMiB }) => {
      const path = join(folder, at);
      return `mkdir -p '${path}' && mount -t tmpfs -o size=${sizeMiB}m none '${path}'`;
    });
    const holder = spawn('unshare', [
      '-Urm',
      'sh',
      '-ec',
      [...script, 'echo', 'exec cat'].join('\n'),
    ]);
    // `cat` ends with the test at the latest: its input does.
    await once(holder.stdout, 'data');
    return new SmallDisks(folder, holder);
  }

  /** The path of a file of the data folder, as this process sees it. */
  path(file: string): string {
    return join(`/proc/${this.#holder.pid}/root`, this.folder, file);
  }

  /** Leaves no room at all, or so many bytes, on the disk at this place. */
  fill(at: string, bytesLeft = 0): void {
    this.empty(at);
    const { bavail, bsize } = statfsSync(this.path(at));
    const bytes = bavail * bsize - bytesLeft;
    assert.ok(bytes > 0, 'there was no room to take');
    try {
      writeFileSync(this.path(join(at, 'ballast')), new Uint8Array(bytes));
    } catch (error) {
      // Somebody else took some of it meanwhile: then it is full, and what was written stays.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' || bytesLeft > 0) throw error;
    }
  }

  empty(at: string): void {
    rmSync(this.path(join(at, 'ballast')), { force: true });
  }

  /** No server may run any more. */
  async remove(): Promise<void> {
    this.#holder.stdin?.end();
    await once(this.#holder, 'exit');
    removeFolder(this.folder);
  }
}
