/**
 * Sets a data folder back to the first version: the journal, the usage store and the catalog are as the first step
 * of each schema made them, with the given events. Half of them are in the usage store, half in blocks of the
 * journal that an open plan and none name.
 *
 * A process of its own, since the engine takes one folder a process:
 * `node folder-of-version-1.ts FOLDER < EVENTS`, a JSON list of OldEvent. The server must be stopped.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import Database from 'better-sqlite3';
import { Session } from 'chdb';
import { SCHEMA_STEPS as JOURNAL_STEPS } from '../../src/journal/sqlite/schema.ts';
import { SCHEMA_STEPS as USAGE_STEPS } from '../../src/usage/schema.ts';

const FIRST_MIGRATION = new URL(
  '../../src/catalog/sqlite/migrations/001-catalog.sql',
  import.meta.url,
);

export type OldEvent = {
  readonly meterId: string;
  readonly customer: string;
  readonly timestampS: number;
  readonly identifier: string;
  readonly value: string;
};

const BLOCKS = 10;

const [, , folder = ''] = process.argv;
const events = (await json(process.stdin)) as readonly OldEvent[];
const namespace = setBackCatalog();
for (const file of ['journal.db', 'journal.db-wal', 'usage', 'identifiers', 'answered-keys']) {
  rmSync(join(folder, file), { recursive: true, force: true });
}
const half = Math.floor(events.length / 2);
const lines = events.map(toLine);
makeUsage(lines.slice(0, half));
makeJournal(lines.slice(half));
// Handles that the engine may keep must not hold a finished process.
process.exit(0);

/** As the first migration makes it, with what it knows of every row; answers the namespace of the meters. */
function setBackCatalog(): string {
  const file = join(folder, 'catalog.db');
  const db = new Database(`${file}.old`);
  db.exec(readFileSync(FIRST_MIGRATION, 'utf8'));
  db.pragma('user_version = 1');
  db.pragma('foreign_keys = OFF');
  db.prepare('ATTACH ? AS newer').run(file);
  const tables = db
    .prepare<[], string>(
      "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE '%STRICT'",
    )
    .pluck()
    .all();
  for (const table of tables) {
    const columns = db
      .prepare<[], string>(`SELECT name FROM pragma_table_info('${table}')`)
      .pluck()
      .all();
    const names = columns.join(', ');
    db.exec(`INSERT INTO main.${table} (${names}) SELECT ${names} FROM newer.${table}`);
  }
  const row = db.prepare<[], { namespace: string }>('SELECT namespace FROM meters').get();
  db.exec('DETACH newer');
  db.close();
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
  renameSync(`${file}.old`, file);
  return row!.namespace;
}

/** JSONCompactEachRow, in the order of the table's columns. */
function toLine(event: OldEvent, index: number): string {
  const { meterId, customer, timestampS, identifier, value } = event;
  const at = new Date(timestampS * 1000).toISOString().replace('T', ' ').replace('Z', '');
  const payload = { stripe_customer_id: customer, value };
  const received = new Date().toISOString().replace('T', ' ').replace('Z', '');
  const columns = [
    namespace,
    meterId,
    customer,
    at,
    index + 1,
    received,
    identifier,
    value,
    payload,
  ];
  return `${JSON.stringify(columns)}\n`;
}

function makeUsage(rows: readonly string[]): void {
  const usage = join(folder, 'usage');
  mkdirSync(usage);
  const session = new Session(usage);
  session.query(`CREATE TABLE schema_steps (version UInt32, applied_at DateTime('UTC'))
    ENGINE = MergeTree ORDER BY version`);
  for (const statement of USAGE_STEPS[0] ?? []) session.query(statement);
  session.query(`INSERT INTO schema_steps SETTINGS async_insert = 0 VALUES (1, now('UTC'))`);
  // Several parts, as inserts leave them.
  for (const part of inPieces(rows, BLOCKS)) {
    session.query(
      `INSERT INTO events SETTINGS async_insert = 0 FORMAT JSONCompactEachRow ${part.join('')}`,
    );
  }
  session.close();
}

function makeJournal(rows: readonly string[]): void {
  const db = new Database(join(folder, 'journal.db'));
  db.pragma('journal_mode = WAL');
  db.exec(JOURNAL_STEPS[0] ?? '');
  const hashKey = randomBytes(16);
  db.prepare('INSERT INTO journal VALUES (1, ?, ?, ?)').run(randomUUID(), hashKey, half);
  const insert = db.prepare(
    `INSERT INTO blocks (last_sequence, rows, events, cancellations) VALUES (?, ?, ?, x'')`,
  );
  let sequence = half;
  for (const block of inPieces(rows, BLOCKS)) {
    sequence += block.length;
    insert.run(sequence, block.length, Buffer.from(block.join('')));
  }
  db.exec('INSERT INTO flush_plan VALUES (1, 1, 4)');
  db.pragma('user_version = 1');
  db.close();
}

function inPieces<T>(items: readonly T[], count: number): readonly (readonly T[])[] {
  const length = Math.ceil(items.length / count);
  return Array.from({ length: count }, (_, n) => items.slice(n * length, (n + 1) * length)).filter(
    (piece) => piece.length > 0,
  );
}
