import { systemClock } from '../clock.ts';
import type { FolderConfig } from '../config.ts';
import { closeDataFolder, openDataFolder } from '../data-folder.ts';
import { StartupError } from '../startup-error.ts';
import { dateOf } from '../usage/pruned.ts';

/**
 * `taximeter audit`, on a folder that no server holds: recounts every hour from the raw events and compares
 * it with the rollup. Throws when they differ. What waits in the journal is in neither, and is not counted.
 */
export async function audit(config: FolderConfig): Promise<void> {
  const folder = await openDataFolder(config.data, systemClock, 'must exist');
  try {
    const { events, hours, differences } = await folder.store.audit();
    const { prunedBeforeMs } = folder.store;
    const since =
      prunedBeforeMs === 0 ? '' : ` since ${dateOf(prunedBeforeMs)} (what is older was pruned)`;
    console.log(`${events} events in ${hours} customer hours${since}, ${differences} differences`);
    if (differences > 0) throw new StartupError('The rollup differs from the raw events.');
  } finally {
    await closeDataFolder(folder);
  }
}
