/**
 * A snapshot: a second data folder, `snapshot/` within the first, that holds all that was acknowledged up to one moment
 * and nothing later. Its large files are links, so it takes an instant to make; it keeps the space of what is merged or
 * dropped meanwhile until it is removed.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataFolder } from '../data-folder.ts';
import {
  CATALOG_FILE,
  JOURNAL_FILE,
  SNAPSHOT_FOLDER,
  USAGE_FOLDER,
} from '../../lib/files/folder-rules.ts';

export function snapshotFolder(dataFolder: string): string {
  return join(dataFolder, SNAPSHOT_FOLDER);
}

export type Snapshot = {
  /** Every fact up to this one is in it, and none after it. */
  readonly sequence: number;
  /** For how long nothing was committed. */
  readonly pauseMs: number;
};

/** Runs the work when the usage store has all that the journal holds, and nothing is committed. */
export type AtRest = <T>(work: () => Promise<T>) => Promise<{ result: T; pauseMs: number }>;

/** Makes the snapshot, in place of one that was left. Who holds the data folder may call this, once at a time. */
export async function takeSnapshot(
  dataFolder: string,
  { journal, catalog, store }: DataFolder,
  atRest: AtRest,
): Promise<Snapshot> {
  await removeSnapshot(dataFolder);
  const folder = snapshotFolder(dataFolder);
  await mkdir(folder, { mode: 0o700 });
  try {
    const { result, pauseMs } = await atRest(async () => {
      // Both hold what is there now, and go on when the pause is over.
      const journalCopy = journal.copyTo(join(folder, JOURNAL_FILE));
      const catalogCopy = catalog.copyTo(join(folder, CATALOG_FILE));
      const copies = Promise.all([journalCopy, catalogCopy]);
      copies.catch(() => undefined);
      await store.snapshot(join(folder, USAGE_FOLDER));
      return { copies };
    });
    const [{ lastSequence }] = await result.copies;
    return { sequence: lastSequence, pauseMs: Math.round(pauseMs) };
  } catch (error) {
    await removeSnapshot(dataFolder);
    throw error;
  }
}

export async function removeSnapshot(dataFolder: string): Promise<void> {
  await rm(snapshotFolder(dataFolder), { recursive: true, force: true });
}
