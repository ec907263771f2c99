/**
 * What can be found of damage to a catalog before it is used: its log, its pages, rows against indexes and against what their
 * columns allow. A flipped bit within a name or an address is not: SQLite keeps no checksum of its pages.
 */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { EventTimeWindow, Formula } from '../../domain/meter.ts';
import { damagedError } from '../../lib/startup-error.ts';
import { BUSY_TIMEOUT_MS } from './database.ts';
import { isNewest, migrate } from './migrate.ts';
import { checkPages, checkSchema, explainDamage, inspectLog } from '../../sqlite/open-checked.ts';

/**
 * Throws StartupError when the file is damaged; a file that is not there is not damaged. Changes nothing, unless the end of its
 * log is torn and `acceptTornLog`: then all before it is brought into the file. Answers whether it was torn.
 */
export function checkCatalogFile(file: string, acceptTornLog: boolean): boolean {
  if (!existsSync(file)) return false;
  rollBack(file);
  // Read only: it would bring the log into the file on closing, and the first commit of another takes two more syncs.
  const db = new Database(file, { readonly: true });
  try {
    const isTorn = inspectLog(file, acceptTornLog, unsyncedPageOf(db)) === 'torn';
    if (isTorn) endLog(file);
    checkTables(db);
    return isTorn;
  } catch (error) {
    throw explainDamage(error, file);
  } finally {
    db.close();
  }
}

/**
 * A crash before the file was put into WAL mode, in the first start, can leave a rollback journal: what is read first undoes
 * what it holds, which takes a connection that may write. Such a file has no log that closing could bring into it.
 */
function rollBack(file: string): void {
  if (!existsSync(`${file}-journal`)) return;
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.pragma('fullfsync = ON');
    db.pragma('schema_version');
  } finally {
    db.close();
  }
}

/** As the log has it that SQLite can read: commits that are torn off are not in it. */
function unsyncedPageOf(db: Database.Database): number | undefined {
  const find = "SELECT rootpage FROM sqlite_schema WHERE name = 'unsynced_commits'";
  return db.prepare<[], number>(find).pluck().get();
}

/** What is behind its last whole commit would be found again as long as the log goes on. */
function endLog(file: string): void {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.pragma('fullfsync = ON');
    db.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
}

function checkTables(db: Database.Database): void {
  checkPages(db, 'integrity_check');
  // Of an earlier version: it has other tables, and is brought to this one next.
  if (!isNewest(db)) return;
  checkSchema(db, migrate);
  checkMeters(db);
}

/** What a summary is computed by. Not a CHECK of the table, since a later version may know more. */
function checkMeters(db: Database.Database): void {
  const meters = db
    .prepare<[], Row>('SELECT id, formula, event_time_window AS window FROM meters')
    .all();
  for (const { id, formula, window } of meters) {
    if (FORMULAS.includes(formula) && WINDOWS.includes(window)) continue;
    throw damagedError(
      db.name,
      `the meter ${id} has the formula ${formula}, by ${window ?? 'event'}`,
    );
  }
}

type Row = { readonly id: string; readonly formula: string; readonly window: string | null };
const FORMULAS: readonly string[] = ['sum', 'count', 'last'] satisfies Formula[];
const WINDOWS: readonly (string | null)[] = [
  'hour',
  'day',
  null,
] satisfies (EventTimeWindow | null)[];
