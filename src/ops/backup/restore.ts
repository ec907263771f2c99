/** Makes a data folder of a backup, after every file of it was found to be what the manifest says. */
import {
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeFolder, syncFolder } from '../../lib/files/durable-file.ts';
import { refuseOccupied, RESTORING_FOLDER } from '../../lib/files/folder-rules.ts';
import { StartupError } from '../../lib/startup-error.ts';
import { copyFile, syncFolders } from './files.ts';
import { DATA, readManifest, type FileEntry, type Manifest } from './manifest.ts';
import { checkSource, foldersOf } from './source.ts';

/**
 * Restores a backup into a new or an empty folder. When it returns, the folder is on disk, whole; until then nobody opens
 * it. Throws StartupError, which names the first file that is missing or damaged, and leaves nothing behind.
 */
export function restoreBackup(backup: string, dataFolder: string): Manifest {
  const manifest = readManifest(backup);
  checkSource(backup, manifest);
  refuseTaken(dataFolder);
  const restoring = join(dataFolder, RESTORING_FOLDER);
  makeFolder(dataFolder);
  mkdirSync(restoring, { mode: 0o700 });
  try {
    copyAll(join(backup, DATA), restoring, manifest);
  } catch (error) {
    rmSync(restoring, { recursive: true, force: true });
    throw error;
  }
  for (const name of readdirSync(restoring)) {
    renameSync(join(restoring, name), join(dataFolder, name));
  }
  syncFolder(dataFolder);
  rmdirSync(restoring);
  syncFolder(dataFolder);
  return manifest;
}

function refuseTaken(dataFolder: string): void {
  const found = statSync(dataFolder, { throwIfNoEntry: false });
  if (found !== undefined && !(found.isDirectory() && readdirSync(dataFolder).length === 0)) {
    throw new StartupError(`${dataFolder} is not empty: a backup is restored into a new folder.`);
  }
  refuseOccupied(dataFolder);
}

function copyAll(from: string, to: string, manifest: Manifest): void {
  const { files, links } = manifest;
  for (const path of foldersOf(manifest)) mkdirSync(join(to, path), { mode: 0o700 });
  for (const file of files) copyWhole(from, to, file);
  for (const { path, target } of links) symlinkSync(target, join(to, path));
  syncFolders(to);
}

function copyWhole(from: string, to: string, file: FileEntry): void {
  const { bytes, sha256 } = copyFile(join(from, file.path), join(to, file.path));
  if (bytes === file.bytes && sha256 === file.sha256) return;
  throw new StartupError(
    `The backup is damaged: ${join(from, file.path)} is not what its manifest says. Nothing was restored.`,
  );
}
