/** Copies of files that are on disk when the call returns, and what they hold. */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from '../../lib/files/durable-file.ts';
import { openPlainFile } from '../../lib/files/plain-file.ts';

const CHUNK_BYTES = 1024 * 1024;

export type Sum = { readonly bytes: number; readonly sha256: string };

/** Copies a file to where there is none, synced. Answers what was copied. */
export function copyFile(from: string, to: string): Sum {
  const fd = openSync(to, 'wx', 0o600);
  try {
    const sum = readThrough(from, (chunk) => {
      for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
    });
    fsyncSync(fd);
    return sum;
  } finally {
    closeSync(fd);
  }
}

export function sumOf(path: string): Sum {
  return readThrough(path, () => undefined);
}

function readThrough(path: string, each: (chunk: Uint8Array) => void): Sum {
  const fd = openPlainFile(path);
  try {
    const hash = createHash('sha256');
    const buffer = new Uint8Array(CHUNK_BYTES);
    let bytes = 0;
    for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer)) {
      const chunk = buffer.subarray(0, read);
      hash.update(chunk);
      each(chunk);
      bytes += read;
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(fd);
  }
}

export type Tree = {
  readonly folders: readonly string[];
  readonly files: readonly string[];
  readonly links: readonly string[];
};

/** The paths of all that is below a folder, relative to it: a folder before what is in it. Links are not followed. */
export function treeOf(root: string): Tree {
  const tree = { folders: [] as string[], files: [] as string[], links: [] as string[] };
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isFile()) tree.files.push(path);
      if (entry.isSymbolicLink()) tree.links.push(path);
      if (!entry.isDirectory()) continue;
      tree.folders.push(path);
      walk(path);
    }
  };
  walk('');
  return tree;
}

/** Brings to disk what entries a folder has, and all folders below it. */
export function syncFolders(root: string): void {
  for (const path of treeOf(root).folders) syncFolder(join(root, path));
  syncFolder(root);
}
