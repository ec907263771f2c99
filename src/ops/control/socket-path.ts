import { join, relative, resolve } from 'node:path';

/** In the data folder; seen from here if that is shorter, since a socket's path may have a hundred bytes or so only. */
export function socketPath(dataFolder: string): string {
  const path = resolve(join(dataFolder, 'control.sock'));
  const fromHere = relative('.', path);
  return fromHere.length < path.length ? fromHere : path;
}
