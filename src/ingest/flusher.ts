/**
 * The one flusher: moves committed blocks into the usage store, in order, in large inserts, then drops them
 * from the journal. Readers that cannot wait ask for `flushThrough`.
 *
 * A plan is on disk before its insert begins (see Journal). One that an earlier process left open is finished by what is
 * stored of it: a power cut may have left rows and no token, or some of the rows. A failed insert is tried again under the
 * same token: until one has returned, the journal still holds every row. Readers are told meanwhile that the store is
 * unavailable.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from '../domain/errors.ts';
import { secondsSince } from '../lib/histogram.ts';
import { bytesOf, type FlushPlan, type Journal } from '../journal/journal.ts';
import { isMoved } from '../lib/files/open-paths.ts';
import type { StoreAccount } from '../usage/account.ts';
import { UnsureInsertError, type UsageStore } from '../usage/usage-store.ts';
import { DrainRate } from './drain-rate.ts';
import { IngestStats } from './ingest-stats.ts';

/** How long rows may wait for company when nobody asks: about one insert a second keeps merges cheap. */
const GATHER_MS = 1000;
/**
 * Rows enough for an insert of their own. Large inserts take half the time of small ones by the row, but who reads
 * has to wait for the one that runs: so they are smaller for a while after somebody has read.
 */
const GATHER_ROWS = 250_000;
const GATHER_ROWS_WHILE_READ = 60_000;
const READ_LATELY_MS = 10_000;
/** Of fewer rows the insert is short, and has the machine anyway. */
const MANY_TO_READ = 10_000;
/**
 * The longest that a commit waits for readers. At full speed, beside one who reads without pause, it takes off half of the
 * longest waits and a fifth of what is written.
 */
const ROOM_MS = 30;
/** The pause after a failed insert. */
const RETRY_MS = 1000;

type Waiter = {
  readonly blockId: number;
  readonly resolve: () => void;
  readonly reject: (e: Error) => void;
};

type Plans = Pick<Journal, 'planFlush' | 'finishFlush' | 'plannedThrough'>;
type Store = Pick<UsageStore, 'insert'> & { readonly account: Pick<StoreAccount, 'restore'> };

export class Flusher {
  readonly #journal: Plans;
  readonly #store: Store;
  readonly #onFailure: (error: unknown) => void;
  readonly #onFatal: (error: unknown) => void;
  readonly #stats: IngestStats;
  /** Everything up to it is in the usage store; 0 as long as nothing had to be moved. */
  flushedSequence = 0;
  #flushedBlockId = 0;
  #committedBlockId: number;
  #rowsWaiting = 0;
  #bytesWaiting: number;
  #lastReadMs = -Infinity;
  #waiters: Waiter[] = [];
  /** Settled when nobody waits any more; undefined while nobody does. */
  #allServed: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  readonly #drain = new DrainRate();
  /** The last insert failed: the next one is due after a pause, or when a reader asks. */
  #pausing = false;
  /** Closed, or the journal has failed: no more inserts. */
  #stopped = false;

  constructor(
    journal: Plans & Pick<Journal, 'lastBlockId' | 'backlogBytes'>,
    store: Store,
    hooks: {
      onFailure: (error: unknown) => void;
      onFatal: (error: unknown) => void;
      stats?: IngestStats;
    },
  ) {
    this.#stats = hooks.stats ?? new IngestStats();
    this.#journal = journal;
    this.#store = store;
    this.#onFailure = hooks.onFailure;
    this.#onFatal = hooks.onFatal;
    this.#committedBlockId = journal.lastBlockId;
    this.#bytesWaiting = journal.backlogBytes;
  }

  /** Tells that a block is in the journal. */
  committed(blockId: number, rows: number, bytes: number): void {
    this.#committedBlockId = blockId;
    this.#rowsWaiting += rows;
    this.#bytesWaiting += bytes;
    if (this.#areMany && !this.#pausing) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), GATHER_MS);
  }

  /** Bytes of rows that are in the journal and not known to be in the store. */
  get bytesWaiting(): number {
    return this.#bytesWaiting;
  }

  /** In how many seconds there are probably `excessBytes` less of them; see DrainRate. */
  secondsToRoom(excessBytes: number): number {
    return this.#drain.secondsToRoom(excessBytes, performance.now());
  }

  /** What a commit waits for, so that the insert that readers wait for has the machine: for its end, or a moment. */
  roomForReaders(): Promise<unknown> | undefined {
    if (this.#allServed === undefined || this.#rowsWaiting < MANY_TO_READ) return undefined;
    return Promise.race([this.#allServed.promise, delay(ROOM_MS)]);
  }

  get #areMany(): boolean {
    const isRead = performance.now() - this.#lastReadMs < READ_LATELY_MS;
    return this.#rowsWaiting >= (isRead ? GATHER_ROWS_WHILE_READ : GATHER_ROWS);
  }

  /**
   * Resolves when every block up to this one is in the usage store. Throws ApiError `unavailable` when the
   * store refuses, or when the flusher has stopped, and the signal's reason when that comes first; the rows stay safe
   * in the journal.
   */
  async flushThrough(blockId: number, signal?: AbortSignal): Promise<void> {
    if (blockId <= this.#flushedBlockId) return;
    if (this.#stopped) throw unavailable(new Error('The flusher has stopped.'));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { blockId, resolve, reject };
    this.#setWaiters([...this.#waiters, waiter]);
    const leave = (): void => {
      this.#setWaiters(this.#waiters.filter((other) => other !== waiter));
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', leave);
    this.#start();
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  /** `flushThrough` for who reads; for a while from now on inserts are small, so that the next reader waits less. */
  async flushForReader(blockId: number, signal?: AbortSignal): Promise<void> {
    if (blockId <= this.#flushedBlockId) return;
    this.#lastReadMs = performance.now();
    await this.flushThrough(blockId, signal);
  }

  /** Stops after the insert that runs now; what is left waits in the journal for the next start. */
  async close(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
    this.#refuseWaiters(new Error('The flusher has stopped.'));
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#stopped) this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      do {
        const committedBlockId = this.#committedBlockId;
        const plan = await this.#journal.planFlush();
        // No plan: at that moment no block was left, so all that had been committed is in the store.
        if (plan === undefined) this.#flushed(committedBlockId, 0, 0);
        else if (!(await this.#insert(plan))) break;
      } while (!this.#stopped && this.#isUrgent());
    } catch (error) {
      // The journal has failed, or nobody knows what the store's disk has: there is nothing to go on from.
      this.#stopped = true;
      this.#refuseWaiters(error);
      this.#onFatal(error);
    } finally {
      this.#running = undefined;
      if (this.#flushedBlockId < this.#committedBlockId) this.#timer ??= this.#later();
    }
  }

  /** True when the plan's rows are in the store and out of the journal. */
  async #insert(plan: FlushPlan): Promise<boolean> {
    const startMs = performance.now();
    const bytes = bytesOf(plan);
    this.#drain.began(bytes, startMs);
    try {
      if (plan.lastBlockId <= this.#journal.plannedThrough) await this.#store.account.restore(plan);
      else await this.#store.insert(plan);
      this.#pausing = false;
    } catch (error) {
      // The same insert would be a no-op, or go to another folder: neither makes it good.
      if (error instanceof UnsureInsertError || isMoved(error)) throw error;
      this.#pausing = true;
      this.#drain.failed(performance.now());
      this.#stats.flushFailures += 1;
      this.#onFailure(error);
      this.#refuseWaiters(error);
      return false;
    }
    await this.#journal.finishFlush(plan);
    this.#drain.ended(performance.now());
    this.flushedSequence = plan.lastSequence;
    this.#stats.flushSeconds.observe(secondsSince(startMs));
    this.#stats.flushRows.observe(plan.rows);
    this.#stats.flushBytes.observe(bytes);
    this.#flushed(plan.lastBlockId, plan.rows, bytes);
    return true;
  }

  #flushed(blockId: number, rows: number, bytes: number): void {
    this.#flushedBlockId = Math.max(this.#flushedBlockId, blockId);
    this.#rowsWaiting = Math.max(0, this.#rowsWaiting - rows);
    this.#bytesWaiting = Math.max(0, this.#bytesWaiting - bytes);
    const waiters = this.#waiters;
    this.#setWaiters(waiters.filter((waiter) => waiter.blockId > this.#flushedBlockId));
    for (const waiter of waiters) {
      if (waiter.blockId <= this.#flushedBlockId) waiter.resolve();
    }
  }

  #setWaiters(waiters: Waiter[]): void {
    this.#waiters = waiters;
    if (waiters.length > 0) {
      this.#allServed ??= Promise.withResolvers();
    } else {
      this.#allServed?.resolve();
      this.#allServed = undefined;
    }
  }

  #isUrgent(): boolean {
    return this.#waiters.length > 0 || this.#areMany;
  }

  #later(): NodeJS.Timeout | undefined {
    return this.#stopped ? undefined : setTimeout(() => this.#start(), RETRY_MS);
  }

  #refuseWaiters(cause: unknown): void {
    const waiters = this.#waiters;
    this.#setWaiters([]);
    const refusal = unavailable(cause);
    for (const waiter of waiters) waiter.reject(refusal);
  }
}

function unavailable(cause: unknown): ApiError {
  const refusal = new ApiError('unavailable', 'Usage cannot be read at the moment. Try again.');
  refusal.cause = cause;
  return refusal;
}
