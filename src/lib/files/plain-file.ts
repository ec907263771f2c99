import { closeSync, constants, fstatSync, openSync } from 'node:fs';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Opens a file of a folder that may come from elsewhere, to read it. Throws when it is a link or no ordinary file: a pipe
 * would be waited for without end.
 */
export function openPlainFile(path: string): number {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new Error(`${path} is no ordinary file`);
}
