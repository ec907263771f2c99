/** Files and folders that a power cut cannot take back: what is made or renamed is synced, and the folder that it is an entry of. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** What a crash leaves of a file that was not finished. */
export const TEMPORARY = '.tmp';

/**
 * Makes or replaces a file by what `write` writes. It is there whole, on disk and under its name, when this
 * returns; before, also after a crash, there is what was there before. When it throws, the try is removed.
 */
export function writeDurably(folder: string, file: string, write: (fd: number) => void): void {
  const path = join(folder, file);
  const temporary = path + TEMPORARY;
  try {
    const fd = openSync(temporary, 'w', 0o600);
    try {
      write(fd);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(folder);
}

/**
 * Makes a folder and those above it, for the owner only, unless they are there. Its name is on disk when this returns, also if it
 * was there before: an earlier process may have made it, and no more.
 */
export function makeFolder(folder: string): void {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
  const top = dirname(resolve(made ?? folder));
  let above = dirname(resolve(folder));
  for (; above !== top; above = dirname(above)) syncFolder(above);
  try {
    syncFolder(top);
  } catch (error) {
    // Another one's: it may be one that we pass through and cannot read.
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
  }
}

/** Brings to disk what was made, renamed and removed in the folder. */
export function syncFolder(folder: string): void {
  syncFile(folder);
}

/** Brings to disk what a file, or a folder, has. */
export function syncFile(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
