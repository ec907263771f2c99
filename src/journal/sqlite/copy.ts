/**
 * A copy of the journal as it stands when nothing waits in it: a new file, with an id of its own, which goes on at the same
 * sequence and block. Receipts are copied a few at a time, so that commits come between; those of later blocks are not.
 */
import type Database from 'better-sqlite3';
import type { JournalCopy } from '../journal.ts';
import { openFile, readState } from './journal-file.ts';

/** Blocks whose receipts are copied at once: a few megabytes. */
const BLOCKS_MAX = 1000;

/** Makes the copy, without receipts. Throws when blocks wait for the usage store. */
export function beginCopy(db: Database.Database, file: string): JournalCopy {
  const { lastSequence, lastBlockId } = readState(db);
  const waits = 'SELECT 1 FROM blocks WHERE id > (SELECT moved_block FROM journal) LIMIT 1';
  if (db.prepare(waits).get() !== undefined)
    throw new Error('A journal is copied only when nothing waits in it.');
  openFile(file).db.close();
  db.prepare('ATTACH ? AS copy').run(file);
  db.exec('PRAGMA copy.synchronous = NORMAL');
  db.transaction(() => {
    db.prepare(
      `UPDATE copy.journal
       SET hash_key = (SELECT hash_key FROM main.journal),
         hash_key_crc = (SELECT hash_key_crc FROM main.journal), flushed_sequence = ?`,
    ).run(lastSequence);
    db.prepare(`INSERT INTO copy.sqlite_sequence (name, seq) VALUES ('blocks', ?)`).run(
      lastBlockId,
    );
  })();
  return { lastSequence, lastBlockId };
}

/** The receipts and bodies of the next blocks after `afterBlockId`; answers the last of them, undefined at the end. */
export function copyReceipts(
  db: Database.Database,
  afterBlockId: number,
  lastBlockId: number,
): number | undefined {
  const next = db
    .prepare<[number, number, number], { last: number | null }>(
      `SELECT max(block_id) AS last FROM (
         SELECT block_id FROM main.receipts WHERE block_id > ? AND block_id <= ?
         ORDER BY block_id LIMIT ?)`,
    )
    .get(afterBlockId, lastBlockId, BLOCKS_MAX);
  const last = next?.last ?? undefined;
  if (last === undefined) return undefined;
  db.transaction(() => {
    for (const table of ['receipts', 'answer_bodies']) {
      db.prepare(
        `INSERT INTO copy.${table} SELECT * FROM main.${table} WHERE block_id > ? AND block_id <= ?`,
      ).run(afterBlockId, last);
    }
  })();
  return last;
}

export function endCopy(db: Database.Database): void {
  const isAttached = db
    .prepare<[], { name: string }>('PRAGMA database_list')
    .all()
    .some(({ name }) => name === 'copy');
  if (isAttached) db.exec('DETACH copy');
}
