/** The journal's file: how it is opened, and what it knows when it is. */
import { randomBytes, randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';
import { newerFolderError, StartupError } from '../../startup-error.ts';
import { SCHEMA_STEPS } from './schema.ts';
import { ROW_BYTES } from './statements.ts';

export type JournalState = {
  readonly id: string;
  readonly hashKey: Uint32Array;
  readonly lastSequence: number;
  readonly lastBlockId: number;
  readonly backlogBytes: number;
};

/** The file with the settings that the journal's promises rest on, and with the newest schema. */
export function openFile(file: string): Database.Database {
  const db = new Database(file, { timeout: 0 });
  try {
    db.pragma('locking_mode = EXCLUSIVE');
    // Before anything that writes.
    refuseNewer(db);
    // Of a new file only: blocks of a stream are large, and each page is a write of its own.
    db.pragma('page_size = 16384');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('fullfsync = ON');
    db.transaction(() => migrate(db)).exclusive();
    return db;
  } catch (error) {
    db.close();
    throw toStartupError(error, file);
  }
}

function toStartupError(error: unknown, file: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  if (error.code.startsWith('SQLITE_BUSY')) {
    return new StartupError(`Another process holds the data folder (${file} is locked).`);
  }
  return new StartupError(
    `The journal ${file} cannot be opened: ${error.message} (${error.code}).`,
  );
}

function refuseNewer(db: Database.Database): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > SCHEMA_STEPS.length) {
    throw newerFolderError('journal', version, SCHEMA_STEPS.length);
  }
}

function migrate(db: Database.Database): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  for (const step of SCHEMA_STEPS.slice(version)) db.exec(step);
  if (version === 0) {
    db.prepare('INSERT INTO journal (one, id, hash_key, flushed_sequence) VALUES (1, ?, ?, 0)').run(
      randomUUID(),
      randomBytes(16),
    );
  }
  db.pragma(`user_version = ${SCHEMA_STEPS.length}`);
}

/** Throws StartupError when the file has lost what it must know. */
export function readState(db: Database.Database): JournalState {
  const row = db
    .prepare<
      [],
      { id: string; hash_key: Buffer; last_sequence: number; last_block: number; backlog: number }
    >(
      `SELECT
        id,
        hash_key,
        max(flushed_sequence, coalesce((SELECT max(last_sequence) FROM blocks), 0)) AS last_sequence,
        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'blocks'), 0) AS last_block,
        coalesce((SELECT sum(${ROW_BYTES}) FROM blocks), 0) AS backlog
       FROM journal`,
    )
    .get();
  if (row === undefined) throw new StartupError('The journal has lost its own id: it is damaged.');
  const key = new DataView(row.hash_key.buffer, row.hash_key.byteOffset, row.hash_key.byteLength);
  return {
    id: row.id,
    hashKey: Uint32Array.from({ length: 4 }, (_, i) => key.getUint32(4 * i)),
    lastSequence: row.last_sequence,
    lastBlockId: row.last_block,
    backlogBytes: row.backlog,
  };
}
