/**
 * When the server is killed: `load` at any point, the others while the server does what they name. What it does
 * is seen from outside, by the files that it makes.
 */
import { existsSync, readdirSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../support/random.ts';

export const MOMENTS = ['load', 'flush', 'merge', 'seal', 'shutdown'] as const;
/** `start`: while it comes up, be it from the kill before. `migration`: from a folder of the first version. */
export type Moment = (typeof MOMENTS)[number] | 'start' | 'migration';

/** How long after the sign, at most: about as long as what it is a sign of takes. */
export const DELAY_MS: Readonly<Record<Moment, number>> = {
  load: 15,
  flush: 60,
  merge: 20,
  seal: 40,
  shutdown: 150,
  start: 700,
  migration: 900,
};

/** Most lives end under load, and each of the others comes often enough. */
export function drawMoment(random: Random): Moment {
  return random.chance(0.4) ? 'load' : random.pick(MOMENTS);
}

/** Calls `onSign` whenever the server makes a file that says what it is doing; returns how to stop looking. */
export function watchFor(moment: Moment, folder: string, onSign: () => void): () => void {
  const watchers = signsOf(moment, folder)
    .filter(({ path }) => existsSync(path))
    .map(({ path, prefix }): FSWatcher => {
      const watcher = watch(path, (_, name) => {
        if (name?.startsWith(prefix) === true) onSign();
      });
      // The folder goes: so does what it would tell.
      return watcher.on('error', () => watcher.close());
    });
  return () => {
    for (const watcher of watchers) watcher.close();
  };
}

type Sign = { readonly path: string; readonly prefix: string };

function signsOf(moment: Moment, folder: string): readonly Sign[] {
  switch (moment) {
    case 'flush':
      return [{ path: join(folder, 'usage'), prefix: 'handover' }];
    case 'merge':
      return tables(folder).map((path) => ({ path, prefix: 'tmp_merge' }));
    case 'seal':
      return ['identifiers', 'answered-keys'].map((name) => ({
        path: join(folder, name),
        prefix: '',
      }));
    case 'load':
    case 'shutdown':
    case 'start':
    case 'migration':
      return [];
  }
}

/** The folders of ClickHouse's tables, in which the parts are. */
function tables(folder: string): readonly string[] {
  const store = join(folder, 'usage/store');
  return readdirSync(store).flatMap((start) =>
    readdirSync(join(store, start)).map((table) => join(store, start, table)),
  );
}
