/**
 * Brings a catalog file to the newest schema, one numbered migration after the other.
 *
 * The list only grows: a migration that has been released is never edited, since `PRAGMA user_version`
 * says no more than how many of them a file has had. Each runs in a transaction together with its
 * number, so a crash leaves a file between two versions, never within one.
 */
import { readFileSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { newerFolderError } from '../../lib/startup-error.ts';
import { defineTermsOf } from './terms.ts';

/** File N of this list takes a catalog from version N - 1 to N. */
const MIGRATIONS = [
  '001-catalog.sql',
  '002-sessions.sql',
  '003-keys.sql',
  '004-events.sql',
  '005-alerts.sql',
  '006-error-reports.sql',
  '007-versions-and-whole-numbers.sql',
  '008-customers.sql',
  '009-unsynced-commits.sql',
  '010-answers.sql',
  '011-indexes.sql',
] as const;

/**
 * Returns when the file has the newest schema; a second call changes nothing, and two processes may
 * call it at once. Throws StartupError when the file is beyond what this code knows.
 */
export function migrate(db: Database): void {
  refuseNewer(db);
  if (isNewest(db)) return;
  defineTermsOf(db);
  for (const [index, name] of MIGRATIONS.entries()) {
    const step = db.transaction(() => {
      refuseNewer(db);
      if (versionOf(db) > index) return;
      db.exec(readFileSync(new URL(`migrations/${name}`, import.meta.url), 'utf8'));
      db.pragma(`user_version = ${index + 1}`);
    });
    if (versionOf(db) <= index) step.immediate();
  }
}

/** Reads only, so that a refused file stays exactly as it was. */
export function refuseNewer(db: Database): void {
  const version = versionOf(db);
  if (version <= MIGRATIONS.length) return;
  throw newerFolderError(`catalog ${db.name}`, version, MIGRATIONS.length);
}

export function isNewest(db: Database): boolean {
  return versionOf(db) === MIGRATIONS.length;
}

function versionOf(db: Database): number {
  return db.pragma('user_version', { simple: true }) as number;
}
