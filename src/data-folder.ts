/**
 * The data folder: `journal.db` (what was just accepted), `catalog.db` (meters, customers, keys), `usage/`
 * (every event and the rollup). One process holds it at a time: the journal's lock says which.
 */
import { mkdirSync, writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Catalog } from './catalog/catalog.ts';
import { openSqliteCatalog } from './catalog/sqlite/sqlite-catalog.ts';
import type { Clock } from './clock.ts';
import type { Journal } from './journal/journal.ts';
import { openSqliteJournal } from './journal/sqlite/thread-journal.ts';
import { StartupError } from './startup-error.ts';
import { openChdbUsageStore } from './usage/chdb/chdb-usage-store.ts';
import type { UsageStore } from './usage/usage-store.ts';

export type DataFolder = {
  readonly journal: Journal;
  readonly catalog: Catalog;
  readonly store: UsageStore;
};

/** Opens all three, the lock first. Throws StartupError with one line on what is in the way. */
export async function openDataFolder(folder: string, clock: Clock): Promise<DataFolder> {
  makeFolder(folder);
  const journal = await openSqliteJournal(join(folder, 'journal.db'));
  const catalog = openCatalog(folder, clock);
  const store = openChdbUsageStore(join(folder, 'usage'));
  return { journal, catalog, store };
}

/** Only the catalog, which several processes may open at once: keys are made while a server runs. */
export function openCatalog(folder: string, clock: Clock): Catalog {
  makeFolder(folder);
  return openSqliteCatalog(join(folder, 'catalog.db'), { clock });
}

export async function closeDataFolder({ journal, catalog, store }: DataFolder): Promise<void> {
  await store.close();
  catalog.close();
  // The lock goes last.
  await journal.close();
}

function makeFolder(folder: string): void {
  const probe = join(folder, `.writable-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Asking for permission bits says nothing about read-only mounts; writing does.
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(`Cannot write the data folder ${folder}: ${reason}`);
  }
}
