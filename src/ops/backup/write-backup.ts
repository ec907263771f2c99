/**
 * Writes a backup of a snapshot: a folder with a data folder in it, and a manifest. Each backup is whole: with a base, what
 * has not changed since is a hard link to the base's file. That takes no space, and either backup may be deleted.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder, syncFolder } from '../../lib/files/durable-file.ts';
import { isDataFolder, isWithin, realPath, refuseOccupied } from '../../lib/files/folder-rules.ts';
import { StartupError } from '../../lib/startup-error.ts';
import { Base } from './base.ts';
import { copyFile, syncFolders, treeOf } from './files.ts';
import { DATA, FORMAT, writeManifest, type Manifest } from './manifest.ts';

export type Written = {
  readonly files: number;
  readonly bytes: number;
  /** Of these, what is shared with the base. */
  readonly sharedBytes: number;
};

/** Throws StartupError when a backup of the data folder cannot be made there. */
export function refuseTaken(to: string, dataFolder: string): void {
  const found = statSync(to, { throwIfNoEntry: false });
  if (found !== undefined && !(found.isDirectory() && readdirSync(to).length === 0)) {
    throw new StartupError(`${to} is there already: a backup is made in a new or an empty folder.`);
  }
  if (isDataFolder(dataFolder) && isWithin(to, dataFolder)) {
    throw new StartupError(
      `${to} is in the data folder ${dataFolder}: a backup is made elsewhere.`,
    );
  }
  refuseOccupied(to);
  if (found !== undefined && found.dev !== statSync(dirname(realPath(to))).dev) {
    throw new StartupError(`${to} is where a disk is mounted: name a new folder in it.`);
  }
  const partial = partialOf(to);
  if (existsSync(partial)) {
    throw new StartupError(
      `${partial} is being written, or was left by a backup that did not finish: then remove it.`,
    );
  }
}

/** Under this name a backup is made; it gets its own when it is finished. */
function partialOf(to: string): string {
  return `${realPath(to)}.partial`;
}

type About = Pick<Manifest, 'release' | 'createdAt' | 'sequence'>;

/**
 * Brings the snapshot to `to`. When it returns, the backup is on disk, whole; before, there is none of that name. When it
 * throws, nothing is left.
 */
export function writeBackup(
  snapshot: string,
  to: string,
  about: About,
  base: Base | undefined,
): Written {
  const partial = partialOf(to);
  makeFolder(dirname(partial));
  mkdirSync(partial, { mode: 0o700 });
  try {
    const written = fill(snapshot, partial, about, base);
    syncFolders(partial);
    renameSync(partial, realPath(to));
    syncFolder(dirname(partial));
    return written;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

function fill(snapshot: string, backup: string, about: About, base: Base | undefined): Written {
  const data = join(backup, DATA);
  const tree = treeOf(snapshot);
  for (const path of ['', ...tree.folders]) mkdirSync(join(data, path), { mode: 0o700 });
  let sharedBytes = 0;
  const files = tree.files.map((path) => {
    const shared = base?.share(snapshot, path, join(data, path));
    sharedBytes += shared?.bytes ?? 0;
    return shared ?? { path, ...copyFile(join(snapshot, path), join(data, path)) };
  });
  const links = tree.links.map((path) => ({ path, target: readlinkSync(join(snapshot, path)) }));
  for (const { path, target } of links) symlinkSync(target, join(data, path));
  writeManifest(backup, { format: FORMAT, ...about, files, links });
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { files: files.length, bytes, sharedBytes };
}
