/** Opens the catalog's file with the settings that its promises rest on. */
import { closeSync, existsSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { StartupError } from '../../lib/startup-error.ts';
import { migrate, refuseNewer } from './migrate.ts';

/**
 * How long a statement waits for another process, which holds the file only for one small
 * transaction (`taximeter keys create`): past this, it hangs, and an error says more than waiting.
 */
export const BUSY_TIMEOUT_MS = 5000;
/** As long in all, for the one statement that SQLite does not make wait. */
const LOG_TRIES_MAX = 250;
const LOG_RETRY_MS = 20;

/**
 * The catalog at `file`, made if there is none (its folder must exist), with the newest schema. Only
 * the owner can read a file made here; one that was there keeps its permissions.
 *
 * `synchronous = FULL` syncs the log at each commit, so that what has returned is on disk, and
 * `fullfsync` makes macOS flush the drive too.
 */
export function openDatabase(file: string): Database.Database {
  createPrivately(file);
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    refuseNewer(db);
    keepLog(db);
    db.pragma('synchronous = FULL');
    db.pragma('fullfsync = ON');
    db.pragma('foreign_keys = ON');
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Puts the file into WAL mode, which it then stays in. While another process does the same to a new
 * file, SQLite refuses the switch at once, since to wait for a lock while holding one could deadlock.
 */
function keepLog(db: Database.Database): void {
  for (let triesLeft = LOG_TRIES_MAX; ; triesLeft--) {
    try {
      if (db.pragma('journal_mode = WAL', { simple: true }) === 'wal') return;
    } catch (error) {
      const isBusy = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
      if (!isBusy || triesLeft === 0) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOG_RETRY_MS);
      continue;
    }
    throw new StartupError(`The file system of ${db.name} cannot hold SQLite's write-ahead log.`);
  }
}

/**
 * SQLite gives its log and its index the permissions of the file. Opens only a file that was not
 * there: to close another descriptor of a database drops the locks that this process holds on it.
 */
function createPrivately(file: string): void {
  if (existsSync(file)) return;
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    // Another process made it first, as privately as we would have.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
