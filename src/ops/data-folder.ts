/**
 * The data folder: `journal.db` (what was just accepted), `catalog.db` (meters, customers, keys), `usage/`
 * (every event and the rollup). One process holds it at a time: the journal's lock says which. Ingest keeps what it
 * remembers in `identifiers/` and `answered-keys/`, which can be made again from the others.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Catalog } from '../catalog/catalog.ts';
import { checkCatalogFile } from '../catalog/sqlite/check-file.ts';
import { openSqliteCatalog } from '../catalog/sqlite/sqlite-catalog.ts';
import type { Clock } from '../lib/clock.ts';
import { makeFolder, syncFolder } from '../lib/files/durable-file.ts';
import {
  CATALOG_FILE,
  JOURNAL_FILE,
  refuseOccupied,
  RESTORING_FOLDER,
  USAGE_FOLDER,
} from '../lib/files/folder-rules.ts';
import type { Journal } from '../journal/journal.ts';
import { openSqliteJournal } from '../journal/sqlite/thread-journal.ts';
import { OpenPaths } from '../lib/files/open-paths.ts';
import { logWarning } from '../lib/log.ts';
import { LastBoot } from '../sqlite/last-boot.ts';
import { tornLogWarning } from '../sqlite/open-checked.ts';
import { StartupError } from '../lib/startup-error.ts';
import { openChdbUsageStore } from '../usage/chdb/chdb-usage-store.ts';
import { usagePaths } from '../usage/chdb/usage-paths.ts';
import type { UsageStore } from '../usage/usage-store.ts';

/** An empty file: that it can be opened for writing says that the disk can be written. */
const PROBE_FILE = '.writable';

export type DataFolder = {
  readonly journal: Journal;
  readonly catalog: Catalog;
  readonly store: UsageStore;
  /** Of all three, and of the folder itself. */
  readonly paths: OpenPaths;
};

/** A folder that is only read must exist: a mistyped name should not look like one without usage. */
export type IfMissing = 'make' | 'must exist';

/**
 * Opens all three, the lock first. Throws StartupError with one line on what is in the way. What is torn off the end of a log is
 * left out, with a warning, when the machine has been started again since, or with `acceptTornLog`. What was made is on
 * disk when this returns, up to the folder's own name.
 */
export async function openDataFolder(
  folder: string,
  clock: Clock,
  ifMissing: IfMissing,
  { acceptTornLog = false }: { readonly acceptTornLog?: boolean } = {},
): Promise<DataFolder> {
  prepareFolder(folder, ifMissing);
  const [journalFile, file] = [join(folder, JOURNAL_FILE), join(folder, CATALOG_FILE)];
  const boot = new LastBoot(folder);
  boot.noteWithoutLogs([journalFile, file]);
  const mayBeTorn = acceptTornLog || boot.isAnother;
  const journal = await openSqliteJournal(journalFile, {
    acceptTornLog: mayBeTorn,
    onTornLog: () => logWarning(tornLogWarning(journalFile)),
  });
  const isTorn = inOneLine(file, () => checkCatalogFile(file, mayBeTorn));
  if (isTorn) logWarning(tornLogWarning(file));
  const catalog = openCatalog(folder, clock, ifMissing);
  const usage = join(folder, USAGE_FOLDER);
  const store = inOneLine(usage, () => openChdbUsageStore(usage));
  syncFolder(folder);
  boot.note();
  await refuseForeign(journal, 'catalog', 'catalog.db', catalog.keys.defaultAccount());
  await refuseForeign(journal, 'usage', 'usage/', store.account.id);
  return { journal, catalog, store, paths: pathsOf(folder) };
}

function pathsOf(folder: string): OpenPaths {
  const journal = join(folder, JOURNAL_FILE);
  const catalog = join(folder, CATALOG_FILE);
  const usage = usagePaths(join(folder, USAGE_FOLDER));
  const probe = join(folder, PROBE_FILE);
  writeFileSync(probe, '');
  return new OpenPaths({
    files: [journal, catalog],
    logs: [`${journal}-wal`, `${catalog}-wal`, `${catalog}-shm`, ...usage.logs],
    folders: [folder, ...usage.folders],
    probes: [probe, ...usage.probes],
  });
}

/** The journal remembers the two others that it has always been with. */
async function refuseForeign(
  journal: Journal,
  name: string,
  path: string,
  id: string,
): Promise<void> {
  if ((await journal.neighbour(name, id)) === id) return;
  throw new StartupError(
    `${path} and journal.db belong to different data folders. Restore both from the same copy of one folder.`,
  );
}

/** Only the catalog, which several processes may open at once: keys are made while a server runs. */
export function openCatalog(folder: string, clock: Clock, ifMissing: IfMissing): Catalog {
  prepareFolder(folder, ifMissing);
  const file = join(folder, CATALOG_FILE);
  return inOneLine(file, () => openSqliteCatalog(file, { clock }));
}

/** Throws MovedError when what was written is not where the paths say: then it has not been done. */
export async function closeDataFolder(folder: DataFolder): Promise<void> {
  const { journal, catalog, store, paths } = folder;
  try {
    paths.check();
  } finally {
    await store.close();
    catalog.close();
    // The lock goes last.
    await journal.close();
  }
  paths.checkClosed();
  paths.close();
}

/** A store that cannot be opened is for the operator to mend: its first line says why. */
function inOneLine<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof StartupError) throw error;
    const [reason] = String(error instanceof Error ? error.message : error).split('\n', 1);
    throw new StartupError(
      `Cannot open ${path}: ${reason}. If it is not the disk or a permission, restore the data folder from a backup.`,
    );
  }
}

function prepareFolder(folder: string, ifMissing: IfMissing): void {
  refuseOccupied(folder);
  if (ifMissing === 'must exist' && !existsSync(join(folder, CATALOG_FILE))) {
    throw new StartupError(`There is no data folder at ${folder}.`);
  }
  if (existsSync(join(folder, RESTORING_FOLDER))) {
    throw new StartupError(
      `A restore into ${folder} has not finished. If it does not run any more, remove the folder and restore again.`,
    );
  }
  const probe = join(folder, `.writable-${process.pid}`);
  try {
    makeFolder(folder);
    // Asking for permission bits says nothing about read-only mounts; writing does.
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(`Cannot write the data folder ${folder}: ${reason}`);
  }
}
