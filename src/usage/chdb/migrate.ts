import type { Session } from 'chdb';
import { newerFolderError } from '../../lib/startup-error.ts';
import { SCHEMA_STEPS } from '../schema.ts';
import { TEMPORARY_TABLES } from '../sql/repair.ts';

/**
 * Brings the tables to this version, step by step. Statements that a crash cut off are run again: each says
 * IF NOT EXISTS, and a step is recorded only when all of it is done. What a repair left, when it was cut off, is dropped.
 */
export function migrate(session: Session): void {
  for (const table of TEMPORARY_TABLES) session.query(`DROP TABLE IF EXISTS ${table}`);
  session.query(`
    CREATE TABLE IF NOT EXISTS schema_steps (version UInt32, applied_at DateTime('UTC'))
    ENGINE = MergeTree ORDER BY version
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`);
  const version = Number(session.query('SELECT max(version) FROM schema_steps', 'TSV'));
  if (version > SCHEMA_STEPS.length) {
    throw newerFolderError('usage store', version, SCHEMA_STEPS.length);
  }
  SCHEMA_STEPS.forEach((statements, index) => {
    if (index < version) return;
    for (const statement of statements) session.query(statement);
    session.query(
      `INSERT INTO schema_steps SETTINGS async_insert = 0 VALUES (${index + 1}, now('UTC'))`,
    );
  });
}
