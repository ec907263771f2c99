/**
 * What a backup has against what its manifest says, before anything of it is read or written. A backup may come from
 * elsewhere: nothing of it may lead out of its folder, or be anything but files, folders and the link that a usage store has.
 */
import { lstatSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { StartupError } from '../../lib/startup-error.ts';
import { DATA, type Manifest } from './manifest.ts';

/** All that a snapshot has. */
const FILE = /^(?:(?:journal|catalog)\.db(?:-wal)?|usage\/(?:store|metadata)\/.+)$/u;
/** By it the engine finds the definitions of its tables. */
const LINK = /^usage\/metadata\/\w+$/u;
const TARGET =
  /^\.\.\/store\/([\da-f]{3})\/\1[\da-f]{5}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/u;

/** Throws StartupError, which names the first entry that is missing, cut, or not what a backup has. */
export function checkSource(backup: string, manifest: Manifest): void {
  const root = join(backup, DATA);
  refuseStrange(manifest);
  for (const folder of ['', ...foldersOf(manifest)]) {
    const found = lstat(join(root, folder));
    if (found?.isDirectory() === false) throw strange(join(DATA, folder), 'which is no folder');
  }
  for (const { path, bytes } of manifest.files) checkFile(join(root, path), path, bytes);
}

/** The folders that its files and links are in, each after the one that it is in. */
export function foldersOf({ files, links }: Manifest): readonly string[] {
  return [...new Set([...files, ...links].flatMap(({ path }) => outwards(dirname(path))))];
}

function outwards(folder: string): readonly string[] {
  return folder === '.' ? [] : [...outwards(dirname(folder)), folder];
}

function refuseStrange(manifest: Manifest): void {
  const { files, links } = manifest;
  for (const { path } of files) {
    if (!FILE.test(path) || !isPlain(path)) throw strange(path, 'which no data folder has');
  }
  for (const { path, target } of links) {
    if (!LINK.test(path) || !TARGET.test(target)) {
      throw strange(`${path} as a link to ${target}`, 'which no data folder has');
    }
  }
  const known = new Set(foldersOf(manifest));
  for (const { path } of [...files, ...links]) {
    if (known.has(path)) throw strange(path, 'twice');
    known.add(path);
  }
}

function checkFile(file: string, path: string, bytes: number): void {
  const found = lstat(file);
  if (found === undefined) throw new StartupError(`The backup is damaged: ${file} is missing.`);
  if (!found.isFile()) throw strange(path, 'which is no ordinary file');
  if (found.size === bytes) return;
  throw new StartupError(
    `The backup is damaged: ${file} has ${found.size} bytes, and ${bytes} by its manifest.`,
  );
}

function lstat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** A path is what it says: no part of it leads elsewhere. */
function isPlain(path: string): boolean {
  return path.split('/').every((part) => !['', '.', '..'].includes(part)) && !path.includes('\0');
}

function strange(what: string, why: string): StartupError {
  return new StartupError(
    `The backup names ${what}, ${why}. It was not made by Taximeter, or was changed.`,
  );
}
