/**
 * Group commit: while one commit runs, the next block fills; no timers. Everybody whose facts are in a block
 * waits for the same promise.
 *
 * After a failed commit nothing is acknowledged any more: every waiter and every later call is refused, and
 * `onFatal` is told once, so that the process stops (P9).
 */
import { ApiError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { BlockBuilder } from './block-builder.ts';

/** Bounds the memory that waits for a slow disk (P10): some 200,000 events, several seconds' worth. */
const BLOCK_LENGTH_MAX = 64 * 1024 * 1024;

type Commit = { readonly block: BlockBuilder; readonly done: PromiseWithResolvers<number> };

export class Committer {
  /** The last block known to be on disk. */
  committedBlockId: number;
  readonly #journal: Pick<Journal, 'commit'>;
  readonly #onCommit: (blockId: number, rows: number) => void;
  readonly #onFatal: (error: unknown) => void;
  /** The block that fills. */
  #next = newCommit();
  /** Of the block that was handed to the journal last. */
  #lastDone: Promise<unknown> | undefined;
  #isRunning = false;
  #lastSequence: number;
  #failure: { error: unknown } | undefined;

  constructor(
    journal: Pick<Journal, 'commit' | 'lastSequence' | 'lastBlockId'>,
    hooks: {
      onCommit: (blockId: number, rows: number) => void;
      onFatal: (error: unknown) => void;
    },
  ) {
    this.#journal = journal;
    this.#lastSequence = journal.lastSequence;
    this.committedBlockId = journal.lastBlockId;
    this.#onCommit = hooks.onCommit;
    this.#onFatal = hooks.onFatal;
  }

  /** Whether the block that fills holds as much as one may: the disk does not keep up. */
  get isFull(): boolean {
    return this.#next.block.length >= BLOCK_LENGTH_MAX;
  }

  /** The next sequence in the order of acceptance; what takes it must be appended in the same turn. */
  nextSequence(): number {
    this.#lastSequence += 1;
    return this.#lastSequence;
  }

  /** Adds facts to the next block. Resolves with the block's id when the block is on disk. */
  append(fill: (block: BlockBuilder) => void): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(stopped(this.#failure.error));
    fill(this.#next.block);
    if (!this.#isRunning) void this.#run();
    return this.#next.done.promise;
  }

  /** Resolves when everything appended so far is on disk. */
  async settled(): Promise<void> {
    if (this.#failure !== undefined) throw stopped(this.#failure.error);
    // What is committing now is older than what is gathered now. Neither waits for what comes later.
    await (this.#next.block.isEmpty ? this.#lastDone : this.#next.done.promise);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#failure === undefined) {
      // Requests that are already in the sockets join the block.
      await new Promise(setImmediate);
      if (this.#next.block.isEmpty) break;
      await this.#commitNext();
    }
    this.#isRunning = false;
  }

  async #commitNext(): Promise<void> {
    const { block, done } = this.#next;
    this.#lastDone = done.promise;
    this.#next = newCommit();
    try {
      const built = block.build(this.#lastSequence);
      const blockId = await this.#journal.commit(built);
      this.committedBlockId = blockId;
      this.#onCommit(blockId, built.rows);
      done.resolve(blockId);
    } catch (error) {
      this.#failure = { error };
      done.reject(stopped(error));
      this.#next.done.reject(stopped(error));
      this.#onFatal(error);
    }
  }
}

function newCommit(): Commit {
  const done = Promise.withResolvers<number>();
  // Those who wait get the reason; a block that nobody waits for must not end the process on its own.
  done.promise.catch(() => undefined);
  return { block: new BlockBuilder(), done };
}

function stopped(cause: unknown): ApiError {
  const refusal = new ApiError('unavailable', 'Nothing is accepted any more: the journal failed.');
  refusal.cause = cause;
  return refusal;
}
