import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

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

/** Brings to disk what was made, renamed and removed in the folder. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
