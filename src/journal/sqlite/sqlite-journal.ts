/**
 * The journal in one SQLite file: one row a block, WAL, a sync with every commit. Synchronous; `worker.ts`
 * gives it a thread of its own, so that a slow disk never stalls HTTP.
 *
 * The file is locked for as long as it is open (`locking_mode = EXCLUSIVE`), and the lock dies with the
 * process: this is what keeps a second server off the data folder.
 */
import type Database from 'better-sqlite3';
import type { Block, BlockReceipts, EventsFormat, FlushPlan, JournalCopy } from '../journal.ts';
import { beginCopy, copyReceipts, endCopy } from './copy.ts';
import { openFile, readState, type JournalState } from './journal-file.ts';
import { PlanMemory } from './plan-memory.ts';
import { RecentBlocks } from './recent-blocks.ts';
import { prepare, type PlanRow } from './statements.ts';

/** A plan holds at most this many rows (or one block): past half a million an insert gets no cheaper by the row. */
export const FLUSH_ROWS_MAX = 500_000;

/** And at most this many bytes (or one block): it is in memory as a whole. */
export const FLUSH_BYTES_MAX = 64 * 1024 * 1024;

/** The form of what is committed now. */
const EVENTS_FORMAT: EventsFormat = 'Native';

/** How many blocks' receipts cross the thread at once. */
const RECEIPT_BLOCKS_MAX = 1000;

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

  beginCopy(file: string): JournalCopy {
    return beginCopy(this.#db, file);
  }

  copyReceipts(afterBlockId: number, lastBlockId: number): number | undefined {
    return copyReceipts(this.#db, afterBlockId, lastBlockId);
  }

  endCopy(): void {
    endCopy(this.#db);
  }

  close(): void {
    this.#db.close();
  }
}

function toBlob(keyHash: Uint32Array): Uint8Array {
  return new Uint8Array(keyHash.buffer, keyHash.byteOffset, keyHash.byteLength);
}
