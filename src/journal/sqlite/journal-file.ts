/** The journal's file: how it is opened, and what it knows when it is. */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { checkPages, checkSchema, explainDamage, inspectLog } from '../../sqlite/open-checked.ts';
import { damagedError, newerFolderError, StartupError } from '../../lib/startup-error.ts';
import { crcOf, expectCrc } from './check-sums.ts';
import { SCHEMA_STEPS } from './schema.ts';
import { NOT_MOVED, ROW_BYTES } from './statements.ts';

export type JournalState = {
  readonly id: string;
  readonly hashKey: Uint32Array;
  readonly lastSequence: number;
  readonly lastBlockId: number;
  readonly backlogBytes: number;
  readonly mayBeStoredThrough: number;
  readonly plannedThrough: number;
  readonly lastReceiptAtMs: number;
};

/**
 * The file with the settings that the journal's promises rest on, and with the newest schema; and whether the end of its log was
 * torn, which is in the way no more when a checkpoint has been made.
 */
export function openFile(
  file: string,
  acceptTornLog = false,
): { readonly db: Database.Database; readonly isTorn: boolean } {
  const log = existsSync(file) ? inspectLog(file, acceptTornLog) : 'whole';
  const db = new Database(file, { timeout: 0 });
  try {
    db.pragma('locking_mode = EXCLUSIVE');
    // Before anything that writes.
    refuseNewer(db);
    if (log === 'empty') refuseLostLog(db);
    checkPages(db, 'quick_check');
    // Of a new file only: blocks of a stream are large, and each page is a write of its own.
    db.pragma('page_size = 16384');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('fullfsync = ON');
    db.transaction(() => migrate(db)).exclusive();
    checkSchema(db, makeTables);
    return { db, isTorn: log === 'torn' };
  } catch (error) {
    db.close();
    throw toStartupError(error, file);
  }
}

export function toStartupError(error: unknown, file: string): unknown {
  const explained = explainDamage(error, file);
  if (!(explained instanceof Database.SqliteError)) return explained;
  if (explained.code.startsWith('SQLITE_BUSY')) {
    return new StartupError(`Another process holds the data folder (${file} is locked).`);
  }
  return new StartupError(
    `The journal ${file} cannot be opened: ${explained.message} (${explained.code}). ` +
      'If it is not the disk or a permission, restore the data folder from a backup.',
  );
}

function refuseNewer(db: Database.Database): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > SCHEMA_STEPS.length) {
    throw newerFolderError('journal', version, SCHEMA_STEPS.length);
  }
}

/** See checkpoint.ts. */
function refuseLostLog(db: Database.Database): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version < SCHEMA_STEPS.length) return;
  const row = db.prepare<[], { needs_log: number }>('SELECT needs_log FROM journal').get();
  if (row?.needs_log !== 1) return;
  throw damagedError(`${db.name}-wal`, `it has a part of ${db.name}, and is missing or empty`);
}

function makeTables(empty: Database.Database): void {
  for (const step of SCHEMA_STEPS) empty.exec(step);
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
  if (version < SCHEMA_STEPS.length) sealIdentity(db);
  db.pragma(`user_version = ${SCHEMA_STEPS.length}`);
}

function sealIdentity(db: Database.Database): void {
  const row = db.prepare<[], { id: string; hash_key: Buffer }>('SELECT * FROM journal').get();
  if (row === undefined) return;
  db.prepare('UPDATE journal SET id_crc = ?, hash_key_crc = ?').run(
    crcOf(row.id),
    crcOf(row.hash_key),
  );
}

type StateRow = {
  id: string;
  id_crc: number | null;
  hash_key: Buffer;
  hash_key_crc: number | null;
  flushed_sequence: number;
  moved_block: number;
  last_sequence: number;
  last_block: number;
  waiting: number;
  backlog: number;
  plan_sequence: number;
  planned: number;
  last_receipt: number | null;
};

/** Throws StartupError when the file has lost what it must know. */
export function readState(db: Database.Database): JournalState {
  const row = db
    .prepare<[], StateRow>(
      `SELECT
        id, id_crc, hash_key, hash_key_crc, flushed_sequence, moved_block,
        max(flushed_sequence, coalesce((SELECT max(last_sequence) FROM blocks), 0)) AS last_sequence,
        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'blocks'), 0) AS last_block,
        (SELECT count(*) FROM blocks WHERE ${NOT_MOVED}) AS waiting,
        coalesce((SELECT sum(${ROW_BYTES}) FROM blocks WHERE ${NOT_MOVED}), 0) AS backlog,
        coalesce((SELECT last_sequence FROM blocks
          WHERE id = (SELECT last_block FROM flush_plan)), 0) AS plan_sequence,
        coalesce((SELECT last_block FROM flush_plan), 0) AS planned,
        (SELECT last_received_at_ms FROM receipts ORDER BY block_id DESC LIMIT 1) AS last_receipt
       FROM journal`,
    )
    .get();
  if (row === undefined) throw damagedError(db.name, 'it has lost its own id');
  expectCrc(db.name, 'its id', row.id_crc, row.id);
  expectCrc(db.name, 'its secret', row.hash_key_crc, row.hash_key);
  // Ids of blocks are given without gaps, so none can be missing unseen.
  const given = row.last_block - row.moved_block;
  // An earlier version did not say how far they have left.
  const isKnown = row.moved_block > 0 || row.flushed_sequence === 0;
  if (isKnown && given !== row.waiting) {
    throw damagedError(db.name, `of ${given} blocks that have not left, it has ${row.waiting}`);
  }
  const key = new DataView(row.hash_key.buffer, row.hash_key.byteOffset, row.hash_key.byteLength);
  return {
    id: row.id,
    hashKey: Uint32Array.from({ length: 4 }, (_, i) => key.getUint32(4 * i)),
    lastSequence: row.last_sequence,
    lastBlockId: row.last_block,
    backlogBytes: row.backlog,
    mayBeStoredThrough: Math.max(row.flushed_sequence, row.plan_sequence),
    plannedThrough: row.planned,
    lastReceiptAtMs: row.last_receipt ?? 0,
  };
}
