/**
 * Which folders must not be used for what: a backup is never opened, since that would change what its manifest says; and
 * nothing is put where a data folder makes and removes its own parts.
 */
import { closeSync, existsSync, readlinkSync, readSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { openPlainFile } from './plain-file.ts';
import { StartupError } from '../startup-error.ts';

/** What a backup consists of, beside its data folder. */
export const MANIFEST = 'manifest.json';

export const JOURNAL_FILE = 'journal.db';
export const CATALOG_FILE = 'catalog.db';
export const USAGE_FOLDER = 'usage';
/** What a restore has brought so far, until it has all. */
export const RESTORING_FOLDER = 'restoring';
export const SNAPSHOT_FOLDER = 'snapshot';

/** Folders that are made and removed within a data folder. */
const OWN_FOLDERS: readonly string[] = [
  USAGE_FOLDER,
  RESTORING_FOLDER,
  SNAPSHOT_FOLDER,
  'identifiers',
  'answered-keys',
];

/** How a manifest begins; another program's file of that name does not. */
const MANIFEST_START = /^\{\s*"sha256":\s*"[\da-f]{64}",\s*"manifest":/u;
const START_BYTES = 256;

/**
 * Throws StartupError when the folder, or the place where it would be made, is or is in a backup, or is a part of another
 * data folder.
 */
export function refuseOccupied(folder: string): void {
  const places = upwards(realPath(folder));
  const backup = places.find(isBackup);
  if (backup !== undefined) throw inBackup(folder, backup);
  const part = places.find((at) => OWN_FOLDERS.includes(basename(at)) && isDataFolder(dirname(at)));
  if (part === undefined) return;
  throw new StartupError(
    `${folder} is a part of the data folder ${dirname(part)}. Name another one.`,
  );
}

/** The path, and the folders that it is in. */
function upwards(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [path, ...upwards(parent)];
}

export function isDataFolder(folder: string): boolean {
  // A folder in which only keys were made so far has no journal.
  return [JOURNAL_FILE, CATALOG_FILE].some((file) => existsSync(join(folder, file)));
}

/** Whether a path is the folder or in it, or would be, wherever links lead. */
export function isWithin(path: string, folder: string): boolean {
  const [first] = relative(realPath(folder), realPath(path)).split(sep);
  return first !== '..';
}

/** The path without links, also of what is not there yet: where the system would make it. A `..` leads up from where a link leads. */
export function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  }
  const parent = dirname(path);
  if (parent === path) return resolve(path);
  const target = targetOf(path);
  return target === undefined
    ? join(realPath(parent), basename(path))
    : realPath(isAbsolute(target) ? target : `${realPath(parent)}/${target}`);
}

/** Where a link leads that leads to nothing yet; undefined of what is no link. */
function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function inBackup(folder: string, backup: string): StartupError {
  return new StartupError(
    `${folder} belongs to the backup ${backup}, and to open it would change that. Restore it into a new folder ` +
      `(taximeter restore --from ${backup} --data FOLDER), or look at it by taximeter audit --backup ${backup}.`,
  );
}

function isBackup(folder: string): boolean {
  const start = Buffer.alloc(START_BYTES);
  let fd: number;
  try {
    fd = openPlainFile(join(folder, MANIFEST));
  } catch {
    return false;
  }
  try {
    return MANIFEST_START.test(start.toString('latin1', 0, readSync(fd, start)));
  } catch {
    return false;
  } finally {
    closeSync(fd);
  }
}
