/**
 * The journal in one SQLite file: one row a block, WAL, a sync with every commit. Synchronous; `worker.ts`
 * gives it a thread of its own, so that a slow disk never stalls HTTP.
 *
 * The file is locked for as long as it is open (`locking_mode = EXCLUSIVE`), and the lock dies with the
 * process: this is what keeps a second server off the data folder.
 */
import type Database from 'better-sqlite3';
import { OpenPaths } from '../../lib/files/open-paths.ts';
import { explainDamage } from '../../sqlite/open-checked.ts';
import { damagedError } from '../../lib/startup-error.ts';
import {
  bytesOf,
  type Block,
  type BlockReceipts,
  type BlockRows,
  type EventsFormat,
  type FlushPlan,
  type JournalCopy,
  type MovedRange,
} from '../journal.ts';
import { packTotals, sumTotals, totalsOf, type Totals } from '../totals.ts';
import { crcOf, expectCrc } from './check-sums.ts';
import { Checkpoint } from './checkpoint.ts';
import { beginCopy, copyReceipts, endCopy } from './copy.ts';
import { openFile, readState, toStartupError, type JournalState } from './journal-file.ts';
import { KeptBlocks, type BlockSize } from './kept-blocks.ts';
import { MovedRanges } from './moved-ranges.ts';
import { PlanMemory } from './plan-memory.ts';
import { RecentBlocks, type RecentBlock, type StoredBlock } from './recent-blocks.ts';
import { prepare, type PlanRow, type ReceiptsRow } from './statements.ts';

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
  /** The end of its log was torn, and is left out. */
  readonly isTorn: boolean;
  readonly #db: Database.Database;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #recent = new RecentBlocks();
  readonly #planMemory = new PlanMemory();
  readonly #moved: MovedRanges;
  readonly #kept: KeptBlocks;
  readonly #checkpoint: Checkpoint;
  readonly #paths: OpenPaths;
  /** The blocks of the open plan, once it was handed out. */
  #planned: readonly (BlockSize & Pick<RecentBlock, 'totals'>)[] = [];

  /** Throws StartupError when another process holds the file, a newer version made it, or it is damaged. */
  constructor(file: string, acceptTornLog = false) {
    const { db, isTorn } = openFile(file, acceptTornLog);
    this.#db = db;
    this.isTorn = isTorn;
    try {
      this.#sql = prepare(this.#db);
      this.state = readState(this.#db);
      this.#moved = new MovedRanges(this.#db);
      this.#kept = new KeptBlocks(this.#sql.selectMovedSizes.all());
      this.#checkpoint = new Checkpoint(this.#db);
      this.#paths = new OpenPaths({ files: [file], logs: [`${file}-wal`] });
    } catch (error) {
      this.#db.close();
      throw toStartupError(error, file);
    }
  }

  /** An error as who runs the meter should read it. */
  explain(error: unknown): unknown {
    return explainDamage(error, this.#db.name);
  }

  commit(block: Block): number {
    const id = this.#store(block);
    const { lastSequence, rows, events, cancellations, rejections, totals } = block;
    this.#recent.add({ id, lastSequence, rows, events, cancellations, rejections, totals });
    this.#checkpoint.committed(bytesOf(block));
    // A commit into files that nobody can find again is none.
    this.#paths.check();
    return id;
  }

  #store(block: Block): number {
    const { lastSequence, rows, events, cancellations, rejections, receipts } = block;
    const totals = packTotals(block.totals);
    return this.#db.transaction(() => {
      const { lastInsertRowid } = this.#sql.insertBlock.run(
        lastSequence,
        rows,
        EVENTS_FORMAT,
        events,
        cancellations,
        rejections,
        totals,
        crcOf(lastSequence, rows, EVENTS_FORMAT, events, cancellations, rejections, totals),
      );
      const id = Number(lastInsertRowid);
      if (receipts.length > 0) {
        const crc = crcOf(id, block.lastReceivedAtMs, receipts);
        this.#sql.insertReceipts.run(id, block.lastReceivedAtMs, receipts, crc);
      }
      for (const { keyHash, body } of block.answerBodies) {
        const key = toBlob(keyHash);
        this.#sql.insertAnswerBody.run(id, key, body, crcOf(id, key, body));
      }
      return id;
    })();
  }

  planFlush(): FlushPlan | undefined {
    const plan = this.#openPlan() ?? this.#makePlan();
    if (plan === undefined) return undefined;
    const { first_block: first, last_block: lastBlockId } = plan;
    const recent = this.#recent.find(first, lastBlockId);
    const blocks = recent ?? this.#readAll(first, lastBlockId);
    this.#planned = blocks.map((block) => {
      return { id: block.id, bytes: bytesOf(block), totals: block.totals };
    });
    return {
      token: `${this.state.id}/${first}-${lastBlockId}`,
      lastBlockId,
      lastSequence: blocks.at(-1)?.lastSequence ?? 0,
      rows: blocks.reduce((rows, block) => rows + block.rows, 0),
      eventsFormat: recent === undefined ? this.#formatOf(first) : EVENTS_FORMAT,
      ...this.#planMemory.put(blocks),
    };
  }

  #openPlan(): PlanRow | undefined {
    const plan = this.#sql.selectPlan.get();
    if (plan === undefined) return undefined;
    expectCrc(this.#db.name, 'the open plan', plan.crc, plan.first_block, plan.last_block);
    return plan;
  }

  #makePlan(): PlanRow | undefined {
    let rows = 0;
    let bytes = 0;
    let format: EventsFormat | undefined;
    let plan: Omit<PlanRow, 'crc'> | undefined;
    for (const block of this.#sql.selectSizes.iterate()) {
      rows += block.rows;
      bytes += block.bytes;
      if (plan !== undefined && (rows > FLUSH_ROWS_MAX || bytes > FLUSH_BYTES_MAX)) break;
      format ??= block.events_format;
      if (block.events_format !== format) break;
      plan = { first_block: plan?.first_block ?? block.id, last_block: block.id };
    }
    if (plan === undefined) return undefined;
    const crc = crcOf(plan.first_block, plan.last_block);
    this.#sql.insertPlan.run(plan.first_block, plan.last_block, crc);
    return { ...plan, crc };
  }

  #readAll(first: number, last: number): readonly RecentBlock[] {
    const blocks = this.#sql.selectBlocks.all(first, last);
    if (blocks.length !== last - first + 1) {
      throw damagedError(this.#db.name, `it has not all blocks from ${first} to ${last}`);
    }
    return blocks.map((block) => this.#checked(block));
  }

  #checked({ totals, crc, eventsFormat, ...block }: StoredBlock): RecentBlock {
    const { id, lastSequence, rows, events, cancellations, rejections } = block;
    if (crc !== null && totals !== null) {
      const parts = [lastSequence, rows, eventsFormat, events, cancellations, rejections, totals];
      expectCrc(this.#db.name, `block ${id}`, crc, ...parts);
    }
    return { ...block, totals: totals === null ? undefined : totalsOf(totals) };
  }

  #formatOf(blockId: number): EventsFormat {
    return this.#sql.selectFormat.get(blockId)?.events_format ?? EVENTS_FORMAT;
  }

  finishFlush(lastSequence: number): void {
    const plan = this.#openPlan();
    if (plan === undefined) return;
    const dropThrough = this.#kept.add(this.#planned);
    this.#db.transaction(() => {
      this.#sql.deletePlan.run();
      this.#sql.updateFlushed.run(lastSequence, plan.last_block);
      this.#account({ lastBlockId: plan.last_block, lastSequence });
      this.#sql.deleteBlocks.run(dropThrough);
    })();
    this.#recent.dropThrough(plan.last_block);
    this.#checkpoint.committed(0);
  }

  /** Without the totals of all blocks there is no account: it is begun anew, from what the usage store has. */
  #account(range: Omit<MovedRange, 'totals'>): void {
    const known = this.#planned.flatMap(({ totals }) => totals ?? []);
    if (known.length < this.#planned.length) this.#moved.giveUp();
    else this.#moved.add({ ...range, totals: sumTotals(known) });
  }

  moved(): readonly MovedRange[] | undefined {
    return this.#moved.all;
  }

  startAccount(totals: Totals): void {
    const { flushed_sequence, moved_block } = this.#sql.selectStand.get()!;
    this.#db.transaction(() =>
      this.#moved.begin({ lastBlockId: moved_block, lastSequence: flushed_sequence, totals }),
    )();
  }

  giveUpAccount(): void {
    this.#db.transaction(() => this.#moved.giveUp())();
  }

  keptRows(): BlockRows {
    const blocks = this.#sql.selectMovedBlocks.all().map((block) => this.#checked(block));
    const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
    return { rows, ...new PlanMemory().put(blocks) };
  }

  neighbour(name: string, id: string): string {
    this.#sql.insertNeighbour.run(name, id);
    return this.#sql.selectNeighbour.get(name)?.id ?? id;
  }

  receipts(blockId: number): Uint8Array {
    const row = this.#sql.selectReceipts.get(blockId);
    return row === undefined ? new Uint8Array() : this.#checkedReceipts(row).packed;
  }

  answerBody(blockId: number, keyHash: Uint32Array): string | undefined {
    const key = toBlob(keyHash);
    const row = this.#sql.selectAnswerBody.get(blockId, key);
    if (row === undefined) return undefined;
    expectCrc(this.#db.name, `an answer of block ${blockId}`, row.crc, blockId, key, row.body);
    return row.body;
  }

  /** The next blocks after `blockId` that have receipts received at `sinceMs` or later. */
  receiptsAfter(blockId: number, sinceMs: number): BlockReceipts[] {
    return this.#sql.selectReceiptsAfter
      .all(blockId, sinceMs, RECEIPT_BLOCKS_MAX)
      .map((row) => this.#checkedReceipts(row));
  }

  #checkedReceipts({ block_id, last_received_at_ms, packed, crc }: ReceiptsRow): BlockReceipts {
    const what = `the receipts of block ${block_id}`;
    expectCrc(this.#db.name, what, crc, block_id, last_received_at_ms, packed);
    return { blockId: block_id, packed };
  }

  /** One step of it: looks at the oldest blocks only, and says whether there may be more to drop. */
  pruneReceipts(beforeMs: number): boolean {
    this.#checkpoint.committed(0);
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
