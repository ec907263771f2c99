import type { DataFolder } from '../data-folder.ts';
import { Flusher } from '../../ingest/flusher.ts';
import { flushAll, refuseStrangers } from '../../ingest/recovery.ts';
import type { AtRest } from './snapshot.ts';

/** Of a folder that no server runs on: what waits in its journal goes to the usage store, and nothing else comes. */
export async function settle({ journal, store }: DataFolder): Promise<AtRest> {
  const flusher = new Flusher(journal, store, {
    onFailure: () => undefined,
    onFatal: () => undefined,
  });
  try {
    await flushAll(flusher, journal);
  } finally {
    await flusher.close();
  }
  await refuseStrangers(journal, store);
  return async (work) => ({ result: await work(), pauseMs: 0 });
}
