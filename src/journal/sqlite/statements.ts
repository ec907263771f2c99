import type Database from 'better-sqlite3';
import type { EventsFormat } from '../journal.ts';
import type { BlockSize } from './kept-blocks.ts';
import type { StoredBlock } from './recent-blocks.ts';

export type PlanRow = { first_block: number; last_block: number; crc: number | null };

/** What a block's rows take. */
export const ROW_BYTES = 'length(events) + length(cancellations) + length(rejections)';
/** Which blocks have not left. */
export const NOT_MOVED = 'id > (SELECT moved_block FROM journal)';

/** Every statement of the journal, prepared once. */
export function prepare(db: Database.Database) {
  return { ...blockStatements(db), ...receiptStatements(db), ...folderStatements(db) };
}

function blockStatements(db: Database.Database) {
  return {
    insertBlock: db.prepare<
      [number, number, EventsFormat, Uint8Array, Uint8Array, Uint8Array, string, number]
    >(
      `INSERT INTO blocks
         (last_sequence, rows, events_format, events, cancellations, rejections, totals, crc)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    selectPlan: db.prepare<[], PlanRow>('SELECT first_block, last_block, crc FROM flush_plan'),
    insertPlan: db.prepare<[number, number, number]>(
      'INSERT INTO flush_plan (one, first_block, last_block, crc) VALUES (1, ?, ?, ?)',
    ),
    selectSizes: db.prepare<
      [],
      { id: number; rows: number; events_format: EventsFormat; bytes: number }
    >(
      `SELECT id, rows, events_format, ${ROW_BYTES} AS bytes FROM blocks
       WHERE ${NOT_MOVED} ORDER BY id`,
    ),
    selectMovedSizes: db.prepare<[], BlockSize>(
      `SELECT id, ${ROW_BYTES} AS bytes FROM blocks WHERE NOT ${NOT_MOVED} ORDER BY id`,
    ),
    selectFormat: db.prepare<[number], { events_format: EventsFormat }>(
      'SELECT events_format FROM blocks WHERE id = ?',
    ),
    selectBlocks: db.prepare<[number, number], StoredBlock>(
      `SELECT id, last_sequence AS lastSequence, rows, events_format AS eventsFormat, events,
         cancellations, rejections, totals, crc
       FROM blocks WHERE id >= ? AND id <= ? ORDER BY id`,
    ),
    selectMovedBlocks: db.prepare<[], StoredBlock>(
      `SELECT id, last_sequence AS lastSequence, rows, events_format AS eventsFormat, events,
         cancellations, rejections, totals, crc
       FROM blocks WHERE NOT ${NOT_MOVED} AND totals IS NOT NULL ORDER BY id`,
    ),
    deleteBlocks: db.prepare<[number]>('DELETE FROM blocks WHERE id <= ?'),
    deletePlan: db.prepare('DELETE FROM flush_plan'),
    updateFlushed: db.prepare<[number, number]>(
      `UPDATE journal SET flushed_sequence = max(flushed_sequence, ?),
         moved_block = max(moved_block, ?)`,
    ),
  };
}

function receiptStatements(db: Database.Database) {
  return {
    insertReceipts: db.prepare<[number, number, Uint8Array, number]>(
      'INSERT INTO receipts (block_id, last_received_at_ms, packed, crc) VALUES (?, ?, ?, ?)',
    ),
    insertAnswerBody: db.prepare<[number, Uint8Array, string, number]>(
      'INSERT OR IGNORE INTO answer_bodies (block_id, key_hash, body, crc) VALUES (?, ?, ?, ?)',
    ),
    selectAnswerBody: db.prepare<[number, Uint8Array], { body: string; crc: number | null }>(
      'SELECT body, crc FROM answer_bodies WHERE block_id = ? AND key_hash = ?',
    ),
    deleteAnswerBodies: db.prepare(
      `DELETE FROM answer_bodies
       WHERE block_id < coalesce((SELECT min(block_id) FROM receipts), 9e18)`,
    ),
    selectReceipts: db.prepare<[number], ReceiptsRow>(
      'SELECT block_id, last_received_at_ms, packed, crc FROM receipts WHERE block_id = ?',
    ),
    selectReceiptsAfter: db.prepare<[number, number, number], ReceiptsRow>(
      `SELECT block_id, last_received_at_ms, packed, crc FROM receipts
       WHERE block_id > ? AND last_received_at_ms >= ? ORDER BY block_id LIMIT ?`,
    ),
    deleteReceipts: db.prepare<[number, number]>(
      `DELETE FROM receipts
       WHERE block_id IN (SELECT block_id FROM receipts ORDER BY block_id LIMIT ?)
         AND last_received_at_ms < ?`,
    ),
  };
}

function folderStatements(db: Database.Database) {
  return {
    insertNeighbour: db.prepare<[string, string]>(
      'INSERT OR IGNORE INTO neighbours (name, id) VALUES (?, ?)',
    ),
    selectNeighbour: db.prepare<[string], { id: string }>(
      'SELECT id FROM neighbours WHERE name = ?',
    ),
    selectStand: db.prepare<[], { flushed_sequence: number; moved_block: number }>(
      'SELECT flushed_sequence, moved_block FROM journal',
    ),
  };
}

export type ReceiptsRow = {
  block_id: number;
  last_received_at_ms: number;
  packed: Buffer;
  crc: number | null;
};
