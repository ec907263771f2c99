/**
 * The schema that the migrations add up to, as text to read and to compare:
 * `node src/catalog/sqlite/dump-schema.ts > src/catalog/sqlite/schema.sql` after a new migration.
 */
import Database from 'better-sqlite3';
import { migrate } from './migrate.ts';

/** Tables, then indexes, each kind by name. Not read at run time. */
export function dumpSchema(): string {
  const db = new Database(':memory:');
  migrate(db);
  const statements = db
    .prepare<[], string>(
      `SELECT sql FROM sqlite_schema
      WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
      ORDER BY type = 'table' DESC, name`,
    )
    .pluck()
    .all();
  const version = db.pragma('user_version', { simple: true }) as number;
  db.close();
  return [`-- Made by dump-schema.ts: version ${version}.`, ...statements.map((sql) => `${sql};`)]
    .join('\n\n')
    .concat('\n');
}

if (import.meta.main) process.stdout.write(dumpSchema());
