import type { Totals } from './totals.ts';

/**
 * The journal: where an event is on disk before anybody is told so (P1), until the usage store has it.
 *
 * Promises:
 * - When `commit` resolves, the block is on disk, whole. A block is stored whole or not at all.
 * - Blocks leave in the order in which they came, and only by `finishFlush`.
 * - A plan names the blocks that are about to be inserted and the token for them. It is on disk before it is
 *   handed out, and as long as it is open every `planFlush` answers that same plan, also after a crash: so
 *   what may be stored and is not known to be is never more than one plan (P2).
 * - Receipts stay when their block has left, until they are pruned.
 * - After a failed write nothing more is committed: every later call fails (P9).
 * - What it hands out is what it was given: a bit that flipped on disk is an error that says so, never another row.
 */
export type Journal = {
  /** A random id made with the file; tokens carry it, so that no other journal's token can match. */
  readonly id: string;
  /** The folder's secret for keyed hashes: 4 words. */
  readonly hashKey: Uint32Array;
  /** The greatest sequence that any block ever had; 0 in a new journal. As of opening. */
  readonly lastSequence: number;
  /** The id of the last block ever committed; 0 in a new journal. As of opening. */
  readonly lastBlockId: number;
  /** What the blocks hold that have not left: bytes of rows. As of opening. */
  readonly backlogBytes: number;
  /**
   * The greatest sequence that may be in the usage store: of what has left, or of the plan that was open. As of opening.
   */
  readonly mayBeStoredThrough: number;
  /** The last block of the plan that an earlier process left open, rows of which may be stored; 0 when there was none. */
  readonly plannedThrough: number;
  /** When the last receipt was received; 0 when there is none. As of opening. */
  readonly lastReceiptAtMs: number;
  /** Answers the block's id, which is greater than any earlier one's. The block's bytes are the journal's from then on. */
  commit(block: Block): Promise<number>;
  /** The open plan, or a new one over the oldest blocks; undefined when there are none. */
  planFlush(): Promise<FlushPlan | undefined>;
  /** Drops the plan and its blocks in one transaction. */
  finishFlush(plan: FlushPlan): Promise<void>;
  /** The packed receipts of one block, in the order of arrival; empty when they are pruned. */
  receipts(blockId: number): Promise<Uint8Array>;
  /** The answer's body that came with a receipt of this block; undefined when there was none, or it is pruned. */
  answerBody(blockId: number, keyHash: Uint32Array): Promise<string | undefined>;
  /** Every receipt of a block after this one that was received at `sinceMs` or later, with its block. */
  receiptsSince(sinceMs: number, afterBlockId?: number): AsyncIterable<BlockReceipts>;
  /** Drops the receipts and bodies of blocks whose last one was received before `beforeMs`. */
  pruneReceipts(beforeMs: number): Promise<void>;
  /**
   * Makes a journal in a new file that stands where this one does at the moment of the call, when no block waits: same
   * sequence, blocks, receipts and key, and an id of its own, so that no token of who goes on from the copy matches one
   * of who goes on from here. Commits go on meanwhile. When it throws, this journal is as it was.
   */
  copyTo(file: string): Promise<JournalCopy>;
  /** The account of what has left, oldest first; undefined when there is none that goes back to the beginning. */
  moved(): Promise<readonly MovedRange[] | undefined>;
  /** Begins the account with what has left so far; for a journal without one, of an earlier version or a copy. */
  startAccount(totals: Totals): Promise<void>;
  /** Gives the account up, for who is about to drop what is on it; the next start begins another. */
  giveUpAccount(): Promise<void>;
  /** The rows of the last blocks that have left; what is kept is bounded. */
  keptRows(): Promise<BlockRows>;
  /** The id that this part of the data folder (its catalog, its usage store) had when it was first asked for. */
  neighbour(name: string, id: string): Promise<string>;
  /** Waits for what was begun. */
  close(): Promise<void>;
};

export type JournalCopy = Pick<Journal, 'lastSequence' | 'lastBlockId'>;

/** What one commit stores. */
export type Block = BlockRows & {
  /** The greatest sequence in the block, or of the block before when it only holds receipts. */
  readonly lastSequence: number;
  /** When the last of its receipts was received: what they are pruned by. */
  readonly lastReceivedAtMs: number;
  /** Of its rows. */
  readonly totals: Totals;
  /** Packed; see receipt.ts. */
  readonly receipts: Uint8Array;
  /** Answers that cannot be made again from request and receipt. */
  readonly answerBodies: readonly AnswerBody[];
};

/** Rows in the form that the usage store ingests: events as usage/event-columns.ts makes them, the others as usage/rows.ts. */
export type BlockRows = {
  /** How many rows there are in all. */
  readonly rows: number;
  readonly events: Uint8Array;
  readonly cancellations: Uint8Array;
  readonly rejections: Uint8Array;
};

/** Some blocks that have left, one after the other: those after the range before it. */
export type MovedRange = {
  readonly lastBlockId: number;
  readonly lastSequence: number;
  readonly totals: Totals;
};

/** ClickHouse's name for the form of the events. Blocks of the first version hold lines of JSON. */
export type EventsFormat = 'Native' | 'JSONCompactEachRow';

export type AnswerBody = { readonly keyHash: Uint32Array; readonly body: string };

/** Packed, as receipt.ts says: a million of them cross the thread on start. */
export type BlockReceipts = { readonly blockId: number; readonly packed: Uint8Array };

/** The rows of several blocks, one after the other: all of one format. Their memory is the next plan's after `finishFlush`. */
export type FlushPlan = BlockRows & {
  readonly token: string;
  readonly lastBlockId: number;
  readonly lastSequence: number;
  readonly eventsFormat: EventsFormat;
};

export function bytesOf({
  events,
  cancellations,
  rejections,
}: Pick<BlockRows, 'events' | 'cancellations' | 'rejections'>): number {
  return events.length + cancellations.length + rejections.length;
}

/** Less is copied faster than it changes hands. */
const HANDED_OVER_BYTES_MIN = 64 * 1024;

/** The memory of large rows, where it is theirs alone, for a thread that hands it to another one. */
export function ownBuffers({ events, cancellations, rejections }: BlockRows): ArrayBuffer[] {
  return [events, cancellations, rejections].flatMap(({ buffer, byteLength }) =>
    buffer instanceof ArrayBuffer &&
    byteLength >= HANDED_OVER_BYTES_MIN &&
    byteLength === buffer.byteLength
      ? [buffer]
      : [],
  );
}
