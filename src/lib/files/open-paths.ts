/**
 * Whether the paths of what this process has open still name it. A file that was removed, or whose folder was moved, takes
 * writes and syncs as before from a process that has it open: no error says that all of it goes with the process, or is
 * elsewhere. So whoever writes has to look at the paths (P9).
 */
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  statSync,
  type BigIntStats,
  type PathLike,
} from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StartupError } from '../startup-error.ts';

const MOVED = 'ERR_TAXIMETER_MOVED';

/** A path does not name what was open under it, or cannot be written any more: nothing may be acknowledged (P9). */
export class MovedError extends StartupError {
  /** Goes along when the error crosses threads, which its class does not. */
  readonly code = MOVED;
}

/** Whether it is a MovedError, also one of another thread. */
export function isMoved(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === MOVED;
}

export type Paths = {
  /** Files that this process has open. */
  readonly files: readonly string[];
  /** Such files that go when what they belong to is closed. */
  readonly logs?: readonly string[];
  readonly folders?: readonly string[];
  /**
   * Files that `look` opens for writing, without writing: a disk that has become read-only says so. Not a database's: to close
   * another descriptor of one drops the locks that this process holds on it.
   */
  readonly probes?: readonly string[];
};

type Noted = { readonly path: string; readonly identity: string; readonly isLog: boolean };

export class OpenPaths {
  readonly #noted: readonly Noted[];
  readonly #probes: readonly string[];
  /** An inode that is open is not given to another folder of that name. */
  readonly #held: number[];

  /**
   * Notes what the paths name, to be called when all of it has been opened. Throws MovedError when one of the files is not
   * open in this process: then it was replaced between that and this.
   */
  constructor({ files, logs = [], folders = [], probes = [] }: Paths) {
    const note = (path: string, isLog: boolean): Noted => {
      return { path, identity: identityOf(statOf(path)), isLog };
    };
    const noted = [
      ...files.map((file) => note(file, false)),
      ...logs.map((log) => note(log, true)),
    ];
    const open = openIdentities();
    const strange = noted.find(({ identity }) => open !== undefined && !open.has(identity));
    if (strange !== undefined) throw another(strange.path);
    this.#probes = probes;
    this.#held = folders.map((folder) => openSync(folder, 'r'));
    this.#noted = [
      ...noted,
      ...this.#held.map((fd, index) => {
        const identity = identityOf(fstatSync(fd, { bigint: true }));
        return { path: folders[index]!, identity, isLog: false };
      }),
    ];
  }

  /** Throws MovedError when a path does not name what it did; some 2 µs for each. */
  check(): void {
    for (const { path, identity } of this.#noted) expectSame(path, identity, statOf(path));
  }

  /** As `check`, when everything was closed, and logs are gone. */
  checkClosed(): void {
    for (const { path, identity, isLog } of this.#noted) {
      if (!isLog) expectSame(path, identity, statOf(path));
    }
  }

  /** As `check`, without waiting for the disk on this thread; throws MovedError also for a disk that is read-only. */
  async look(): Promise<void> {
    await Promise.all([
      ...this.#noted.map(async ({ path, identity }) => {
        const found = await stat(path, { bigint: true }).catch((error: unknown) => {
          throw toMoved(path, error);
        });
        expectSame(path, identity, found);
      }),
      ...this.#probes.map(refuseReadOnly),
    ]);
  }

  /** Lets go of the folders. A second call does nothing. */
  close(): void {
    for (const fd of this.#held.splice(0)) closeSync(fd);
  }
}

function statOf(path: PathLike): BigIntStats {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    throw toMoved(path, error);
  }
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

function expectSame(path: string, identity: string, found: BigIntStats): void {
  if (identityOf(found) !== identity) throw another(path);
}

function another(path: string): MovedError {
  return new MovedError(`${path} is not the one that was opened: it was replaced meanwhile.`);
}

function toMoved(path: PathLike, error: unknown): MovedError {
  const { code, message } = error as NodeJS.ErrnoException;
  const isGone = code === 'ENOENT' || code === 'ENOTDIR';
  return new MovedError(
    isGone
      ? `${String(path)} is not there any more: it was moved or removed while it was open.`
      : `${String(path)} cannot be looked at any more: ${message}`,
  );
}

/** Permission bits and the list of mounts do not tell: ext4 stays mounted for writing when it has given up (Linux 6.18). */
async function refuseReadOnly(probe: string): Promise<void> {
  try {
    await using _ = await open(probe, 'r+');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EROFS') {
      throw new MovedError(`${dirname(probe)} is on a disk that has become read-only.`);
    }
    if (code === 'EIO') throw new MovedError(`${dirname(probe)} cannot be written: ${message}`);
    // What is not there, or may not be opened just now, says nothing of the disk.
  }
}

/** What this process has open; undefined on a system that does not say, where a path is all there is to go by. */
function openIdentities(): ReadonlySet<string> | undefined {
  let names: readonly string[];
  try {
    names = readdirSync('/dev/fd');
  } catch {
    return undefined;
  }
  const identities = new Set<string>();
  for (const name of names) {
    try {
      identities.add(identityOf(fstatSync(Number(name), { bigint: true })));
    } catch {
      // Closed since the list was made.
    }
  }
  return identities;
}
