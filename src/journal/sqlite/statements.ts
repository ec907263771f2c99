import type Database from 'better-sqlite3';
import type { EventsFormat } from '../journal.ts';
import type { RecentBlock } from './recent-blocks.ts';

export type PlanRow = { first_block: number; last_block: number };

/** What a block's rows take. */
export const ROW_BYTES = 'length(events) + length(cancellations) + length(rejections)';

/** Every statement of the journal, prepared once. */
export function prepare(db: Database.Database) {
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
