/** What SQLite does not tell by itself: a database that is damaged looks like one that holds less. */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { damagedError, StartupError } from '../lib/startup-error.ts';
import { checkLog, type LogState } from './log-check.ts';

/** Past this, the check of all pages would hold up a start: 0.2 s for so many bytes. */
const CHECKED_BYTES_MAX = 256 * 1024 * 1024;

/**
 * The state of the log beside the file, before it is opened for writing. Throws StartupError when acknowledged commits are lost in
 * it, or may be: what is torn off its end is not, if the machine has lost power, which `acceptTornLog` says.
 */
export function inspectLog(file: string, acceptTornLog: boolean, unsyncedPage?: number): LogState {
  const log = logOf(file);
  const state = checkLog(log, unsyncedPage);
  if (state === 'damaged') {
    throw damagedError(log, 'commits that were synced follow one that is not as it was written');
  }
  if (state === 'torn' && !acceptTornLog) {
    throw new StartupError(
      `${log}: the end of it is not as it was written. A loss of power can do that, to what was not acknowledged yet; a crash ` +
        'of the process cannot, and this machine is not known to have been started again since. If it has lost power, start ' +
        'once with --accept-torn-log. Otherwise, restore the data folder from a backup.',
    );
  }
  return state;
}

/** For the operator, when a start went on without what was torn off a log. */
export function tornLogWarning(file: string): string {
  return (
    `${logOf(file)}: the end of it was not as it was written. The machine lost power before that was on disk; nothing of it ` +
    'had been acknowledged. Going on without it.'
  );
}

/** SQLite's write-ahead log of a database. */
export function logOf(file: string): string {
  return `${file}-wal`;
}

/** Throws StartupError when pages, or values that a table does not allow, are not as they were written. */
export function checkPages(db: Database.Database, check: 'quick_check' | 'integrity_check'): void {
  if (statSync(db.name).size > CHECKED_BYTES_MAX) return;
  const found = db.pragma(`${check}(1)`, { simple: true });
  if (found !== 'ok') throw damagedError(db.name, String(found).replaceAll('\n', ' '));
}

/** Throws StartupError when the tables are not those that `make` makes in an empty database. */
export function checkSchema(db: Database.Database, make: (empty: Database.Database) => void): void {
  const fresh = new Database(':memory:');
  try {
    make(fresh);
    const expected = new Set(schemaOf(fresh));
    const strange = schemaOf(db).find((line) => !expected.delete(line)) ?? [...expected][0];
    if (strange === undefined) return;
    const [name] = strange.split('|', 1);
    throw damagedError(db.name, `its table ${name} is not as it was made`);
  } finally {
    fresh.close();
  }
}

function schemaOf(db: Database.Database): string[] {
  return db
    .prepare<[], string>("SELECT concat_ws('|', tbl_name, type, name, sql) FROM sqlite_schema")
    .pluck()
    .all()
    .filter((line) => !line.startsWith('sqlite_stat'));
}

/** An error of SQLite that says that the file is damaged, as one that says what to do; any other as it is. */
export function explainDamage(error: unknown, file: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const isDamage = /^SQLITE_(?:CORRUPT|NOTADB|FORMAT)/u.test(error.code);
  return isDamage ? damagedError(file, error.message) : error;
}
