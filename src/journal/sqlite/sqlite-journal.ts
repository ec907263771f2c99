/**
 * The journal in one SQLite file: one row a block, WAL, a sync with every commit. Synchronous; `worker.ts`
 * gives it a thread of its own, so that a slow disk never stalls HTTP.
 *
 * The file is locked for as long as it is open (`locking_mode = EXCLUSIVE`), and the lock dies with the
 * process: this is what keeps a second server off the data folder.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';
import { newerFolderError, StartupError } from '../../startup-error.ts';
import type { Block, BlockReceipts, EventsFormat, FlushPlan } from '../journal.ts';
import { PlanMemory } from './plan-memory.ts';
import { RecentBlocks, type RecentBlock } from './recent-blocks.ts';
import { SCHEMA_STEPS } from './schema.ts';

/** A plan holds at most this many rows (or one block): past half a million an insert gets no cheaper by the row. */
export const FLUSH_ROWS_MAX = 500_000;

/** And at most this many bytes (or one block): it is in memory as a whole. */
export const FLUSH_BYTES_MAX = 64 * 1024 * 1024;

/** The form of what is committed now. */
const EVENTS_FORMAT: EventsFormat = 'Native';

/** How many blocks' receipts cross the thread at once. */
const RECEIPT_BLOCKS_MAX = 1000;

export type JournalState = {
  readonly id: string;
  readonly hashKey: Uint32Array;
  readonly lastSequence: number;
  readonly lastBlockId: number;
  readonly backlogBytes: number;
};

type PlanRow = { first_block: number; last_block: number };

export class SqliteJournal {
  readonly state: JournalState;
  readonly #db: Database.Database;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #recent = new RecentBlocks();
  readonly #planMemory = new PlanMemory();

  /** Throws StartupError when another process holds the file, or a newer version made it. */
  constructor(file: string) {
    this.#db = openFile(file);
    this.#sql = prepare(this.#db);
    this.state = readState(this.#db);
  }

  commit(block: Block): number {
    const id = this.#store(block);
    const { lastSequence, rows, events, cancellations, rejections } = block;
    this.#recent.add(id, { lastSequence, rows, events, cancellations, rejections });
    return id;
  }

  #store(block: Block): number {
    return this.#db.transaction(() => {
      const { lastInsertRowid } = this.#sql.insertBlock.run(
        block.lastSequence,
        block.rows,
        EVENTS_FORMAT,
        block.events,
        block.cancellations,
        block.rejections,
      );
      const id = Number(lastInsertRowid);
      if (block.receipts.length > 0) {
        this.#sql.insertReceipts.run(id, block.lastReceivedAtMs, block.receipts);
      }
      for (const { keyHash, body } of block.answerBodies) {
        this.#sql.insertAnswerBody.run(id, toBlob(keyHash), body);
      }
      return id;
    })();
  }

  planFlush(): FlushPlan | undefined {
    const plan = this.#sql.selectPlan.get() ?? this.#makePlan();
    if (plan === undefined) return undefined;
    const { first_block: first, last_block: lastBlockId } = plan;
    const recent = this.#recent.find(first, lastBlockId);
    const blocks = recent ?? this.#sql.selectBlocks.all(first, lastBlockId);
    return {
      token: `${this.state.id}/${first}-${lastBlockId}`,
      lastBlockId,
      lastSequence: blocks.at(-1)?.lastSequence ?? 0,
      rows: blocks.reduce((rows, block) => rows + block.rows, 0),
      eventsFormat: recent === undefined ? this.#formatOf(first) : EVENTS_FORMAT,
      ...this.#planMemory.put(blocks),
    };
  }

  #makePlan(): PlanRow | undefined {
    let rows = 0;
    let bytes = 0;
    let format: EventsFormat | undefined;
    let plan: PlanRow | undefined;
    for (const block of this.#sql.selectSizes.iterate()) {
      rows += block.rows;
      bytes += block.bytes;
      if (plan !== undefined && (rows > FLUSH_ROWS_MAX || bytes > FLUSH_BYTES_MAX)) break;
      format ??= block.events_format;
      if (block.events_format !== format) break;
      plan = { first_block: plan?.first_block ?? block.id, last_block: block.id };
    }
    if (plan !== undefined) this.#sql.insertPlan.run(plan.first_block, plan.last_block);
    return plan;
  }

  #formatOf(blockId: number): EventsFormat {
    return this.#sql.selectFormat.get(blockId)?.events_format ?? EVENTS_FORMAT;
  }

  finishFlush(lastSequence: number): void {
    const plan = this.#sql.selectPlan.get();
    this.#db.transaction(() => {
      this.#sql.deleteBlocks.run();
      this.#sql.deletePlan.run();
      this.#sql.updateFlushed.run(lastSequence);
    })();
    if (plan !== undefined) this.#recent.dropThrough(plan.last_block);
  }

  receipts(blockId: number): Uint8Array {
    return this.#sql.selectReceipts.get(blockId)?.packed ?? new Uint8Array();
  }

  answerBody(blockId: number, keyHash: Uint32Array): string | undefined {
    return this.#sql.selectAnswerBody.get(blockId, toBlob(keyHash))?.body;
  }

  /** The next blocks after `blockId` that have receipts received at `sinceMs` or later. */
  receiptsAfter(blockId: number, sinceMs: number): BlockReceipts[] {
    return this.#sql.selectReceiptsAfter
      .all(blockId, sinceMs, RECEIPT_BLOCKS_MAX)
      .map((row) => ({ blockId: row.block_id, packed: row.packed }));
  }

  /** One step of it: looks at the oldest blocks only, and says whether there may be more to drop. */
  pruneReceipts(beforeMs: number): boolean {
    return this.#db.transaction(() => {
      const { changes } = this.#sql.deleteReceipts.run(RECEIPT_BLOCKS_MAX, beforeMs);
      // A body goes with its receipt.
      this.#sql.deleteAnswerBodies.run();
      return changes === RECEIPT_BLOCKS_MAX;
    })();
  }

  close(): void {
    this.#db.close();
  }
}

function toBlob(keyHash: Uint32Array): Uint8Array {
  return new Uint8Array(keyHash.buffer, keyHash.byteOffset, keyHash.byteLength);
}

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

function readState(db: Database.Database): JournalState {
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

const ROW_BYTES = 'length(events) + length(cancellations) + length(rejections)';

function prepare(db: Database.Database) {
  return {
    insertBlock: db.prepare<[number, number, EventsFormat, Uint8Array, Uint8Array, Uint8Array]>(
      `INSERT INTO blocks (last_sequence, rows, events_format, events, cancellations, rejections)
       VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    insertReceipts: db.prepare<[number, number, Uint8Array]>(
      'INSERT INTO receipts (block_id, last_received_at_ms, packed) VALUES (?, ?, ?)',
    ),
    selectPlan: db.prepare<[], PlanRow>('SELECT first_block, last_block FROM flush_plan'),
    insertPlan: db.prepare<[number, number]>(
      'INSERT INTO flush_plan (one, first_block, last_block) VALUES (1, ?, ?)',
    ),
    selectSizes: db.prepare<
      [],
      { id: number; rows: number; events_format: EventsFormat; bytes: number }
    >(`SELECT id, rows, events_format, ${ROW_BYTES} AS bytes FROM blocks ORDER BY id`),
    selectFormat: db.prepare<[number], { events_format: EventsFormat }>(
      'SELECT events_format FROM blocks WHERE id = ?',
    ),
    selectBlocks: db.prepare<[number, number], RecentBlock>(
      `SELECT last_sequence AS lastSequence, rows, events, cancellations, rejections FROM blocks
       WHERE id >= ? AND id <= ? ORDER BY id`,
    ),
    deleteBlocks: db.prepare('DELETE FROM blocks WHERE id <= (SELECT last_block FROM flush_plan)'),
    deletePlan: db.prepare('DELETE FROM flush_plan'),
    updateFlushed: db.prepare<[number]>(
      'UPDATE journal SET flushed_sequence = max(flushed_sequence, ?)',
    ),
    insertAnswerBody: db.prepare<[number, Uint8Array, string]>(
      'INSERT OR IGNORE INTO answer_bodies (block_id, key_hash, body) VALUES (?, ?, ?)',
    ),
    selectAnswerBody: db.prepare<[number, Uint8Array], { body: string }>(
      'SELECT body FROM answer_bodies WHERE block_id = ? AND key_hash = ?',
    ),
    deleteAnswerBodies: db.prepare(
      `DELETE FROM answer_bodies
       WHERE block_id < coalesce((SELECT min(block_id) FROM receipts), 9e18)`,
    ),
    selectReceipts: db.prepare<[number], { packed: Buffer }>(
      'SELECT packed FROM receipts WHERE block_id = ?',
    ),
    selectReceiptsAfter: db.prepare<[number, number, number], { block_id: number; packed: Buffer }>(
      `SELECT block_id, packed FROM receipts
       WHERE block_id > ? AND last_received_at_ms >= ? ORDER BY block_id LIMIT ?`,
    ),
    deleteReceipts: db.prepare<[number, number]>(
      `DELETE FROM receipts
       WHERE block_id IN (SELECT block_id FROM receipts ORDER BY block_id LIMIT ?)
         AND last_received_at_ms < ?`,
    ),
  };
}
