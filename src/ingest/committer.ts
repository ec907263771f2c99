/**
 * Group commit: while one commit runs, the next block fills; no timers. Everybody whose
 * facts are in a block waits for the same promise.
 *
 * After a failed commit, or `stop`, nothing is acknowledged any more: every waiter and every later call is refused, and
 * `onFatal` is told once, so that the process stops (P9).
 */
import { ApiError } from '../domain/errors.ts';
import { secondsSince } from '../lib/histogram.ts';
import { bytesOf, type Block, type Journal } from '../journal/journal.ts';
import type { Namespace } from '../domain/namespace.ts';
import { BlockBuilder } from './block-builder.ts';
import { IngestStats } from './ingest-stats.ts';

/** Bounds the memory that waits for a slow disk (P10): some 200,000 events, several seconds' worth. */
const BLOCK_LENGTH_MAX = 64 * 1024 * 1024;

/**
 * A commit costs some 450 µs of CPU, whatever is in it. So one of less than some 35 events waits for a second look at the
 * sockets, if the first brought any: a sixth less CPU an event at half of the peak.
 */
const SMALL_BLOCK_LENGTH = 4 * 1024;
const LOOKS_MAX = 2;

/** A block that is on disk. */
export type Committed = Pick<Block, 'rows' | 'receipts'> & {
  readonly blockId: number;
  /** Of its rows. */
  readonly bytes: number;
  /** Whose rows it has. */
  readonly namespaces: readonly Namespace[];
};
/** Told of each block before those who wait for it are. */
export type OnCommit = (committed: Committed) => void;

export class Committer {
  /** The last block known to be on disk. */
  committedBlockId: number;
  /** The last sequence that was given out before that block was taken. */
  committedSequence: number;
  readonly #journal: Pick<Journal, 'commit'>;
  readonly #onCommit: OnCommit;
  readonly #onFatal: (error: unknown) => void;
  readonly #makeRoom: (() => Promise<unknown> | undefined) | undefined;
  readonly #stats: IngestStats;
  /** The block that fills, and what its commit will settle. */
  readonly #block = new BlockBuilder();
  #done = newDone();
  /** Of the block that was handed to the journal last. */
  #lastDone: Promise<number> | undefined;
  #isRunning = false;
  /** When the commit began that runs now. */
  #commitStartMs: number | undefined;
  /** Until it resolves no commit begins. */
  #pause: Promise<void> | undefined;
  #lastSequence: number;
  #failure: { error: unknown } | undefined;

  constructor(
    journal: Pick<Journal, 'commit' | 'lastSequence' | 'lastBlockId'>,
    hooks: {
      onCommit: OnCommit;
      onFatal: (error: unknown) => void;
      /** Asked before each commit, which waits for what it answers. */
      makeRoom?: () => Promise<unknown> | undefined;
      stats?: IngestStats;
    },
  ) {
    this.#journal = journal;
    this.#stats = hooks.stats ?? new IngestStats();
    this.#lastSequence = journal.lastSequence;
    this.committedBlockId = journal.lastBlockId;
    this.committedSequence = journal.lastSequence;
    this.#onCommit = hooks.onCommit;
    this.#onFatal = hooks.onFatal;
    this.#makeRoom = hooks.makeRoom;
  }

  /** Whether the block that fills holds as much as one may: the disk does not keep up. */
  get isFull(): boolean {
    return this.#block.length >= BLOCK_LENGTH_MAX;
  }

  /** How long the commit has taken that runs now; 0 when none does. */
  get waitingSeconds(): number {
    return this.#commitStartMs === undefined ? 0 : secondsSince(this.#commitStartMs);
  }

  /** The last sequence that was given out. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** The next sequence in the order of acceptance; what takes it must be appended in the same turn. */
  nextSequence(): number {
    this.#lastSequence += 1;
    return this.#lastSequence;
  }

  /** Adds facts to the next block; `settled` tells when it is on disk. Throws when nothing is accepted any more. */
  append(fill: (block: BlockBuilder) => void): void {
    if (this.#failure !== undefined) throw stopped(this.#failure.error);
    fill(this.#block);
    if (!this.#isRunning) void this.#run();
  }

  /**
   * Resolves when everything appended so far is on disk, with the id of the last block of it; at once, with
   * the last committed block's, when nothing waits.
   */
  settled(): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(stopped(this.#failure.error));
    // What is committing now is older than what is gathered now. Neither waits for what comes later.
    const done = this.#block.isEmpty ? this.#lastDone : this.#done.promise;
    return done ?? Promise.resolve(this.committedBlockId);
  }

  /** Runs `work` between two commits; what is appended meanwhile is gathered. Throws when nothing is accepted any more. */
  async between<T>(work: () => Promise<T>): Promise<T> {
    while (this.#pause !== undefined) await this.#pause;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pause = promise;
    try {
      await this.#lastDone;
      if (this.#failure !== undefined) throw stopped(this.#failure.error);
      return await work();
    } finally {
      this.#pause = undefined;
      resolve();
    }
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#failure === undefined) {
      await this.#gather();
      await this.#makeRoom?.();
      while (this.#pause !== undefined) await this.#pause;
      if (this.#block.isEmpty || this.#failure !== undefined) break;
      await this.#commitNext();
    }
    this.#isRunning = false;
  }

  /** Requests that are already in the sockets join the block; so do those behind them, if it is small. */
  async #gather(): Promise<void> {
    for (let look = 0; look < LOOKS_MAX; look += 1) {
      const { length } = this.#block;
      await new Promise(setImmediate);
      if (this.#block.length === length || this.#block.length > SMALL_BLOCK_LENGTH) return;
    }
  }

  async #commitNext(): Promise<void> {
    const done = this.#done;
    this.#lastDone = done.promise;
    this.#done = newDone();
    try {
      const lastSequence = this.#lastSequence;
      const block = this.#block.take(lastSequence);
      const namespaces = this.#block.takeNamespaces();
      // Asked before the commit, which may take the bytes away to another thread.
      const bytes = bytesOf(block);
      this.#commitStartMs = performance.now();
      const blockId = await this.#journal.commit(block);
      this.#count(block.rows, bytes);
      this.committedBlockId = blockId;
      this.committedSequence = lastSequence;
      const { rows, receipts } = block;
      this.#onCommit({ blockId, bytes, rows, receipts, namespaces });
      done.resolve(blockId);
    } catch (error) {
      done.reject(stopped(error));
      this.stop(error);
    } finally {
      this.#commitStartMs = undefined;
    }
  }

  #count(rows: number, bytes: number): void {
    this.#stats.commitSeconds.observe(this.waitingSeconds);
    this.#stats.commitRows.observe(rows);
    this.#stats.commitBytes.observe(bytes);
  }

  /**
   * Accepts nothing any more, and refuses who waits for the block that fills. What is on its way to disk is told
   * when it is there. Told to `onFatal` once.
   */
  stop(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#done.reject(stopped(error));
    this.#onFatal(error);
  }
}

function newDone(): PromiseWithResolvers<number> {
  const done = Promise.withResolvers<number>();
  // Those who wait get the reason; a block that nobody waits for must not end the process on its own.
  done.promise.catch(() => undefined);
  return done;
}

function stopped(cause: unknown): ApiError {
  const refusal = new ApiError('unavailable', 'Nothing is accepted any more: the journal failed.');
  refusal.cause = cause;
  return refusal;
}
