import { Worker } from 'node:worker_threads';
import { StartupError } from '../../lib/startup-error.ts';
import {
  ownBuffers,
  type Block,
  type BlockReceipts,
  type BlockRows,
  type FlushPlan,
  type Journal,
  type JournalCopy,
  type MovedRange,
} from '../journal.ts';
import type { Totals } from '../totals.ts';
import type { JournalState } from './journal-file.ts';
import { OPENED, type Calls, type Opened, type OpenOptions, type Reply } from './worker.ts';

/**
 * Opens the journal file in a thread of its own; makes it when it is missing. Throws StartupError when
 * another process holds the file, a newer version made it, or it is damaged. `acceptTornLog`: goes on without what is torn off
 * the end of its log, and tells of it by `onTornLog`.
 */
export async function openSqliteJournal(
  file: string,
  { acceptTornLog = false, onTornLog = () => undefined }: TornLogOptions = {},
): Promise<Journal> {
  const thread = new JournalThread({ file, acceptTornLog });
  const { state, isTorn } = await thread.opened;
  if (isTorn) onTornLog();
  return new ThreadJournal(thread, state);
}

type TornLogOptions = { readonly acceptTornLog?: boolean; readonly onTornLog?: () => void };

type Waiting = { resolve: (value: unknown) => void; reject: (reason: unknown) => void };

/** Calls into the thread and their answers, matched by number. */
class JournalThread {
  readonly opened: Promise<Opened>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = OPENED;
  /** Why the thread is no more: what is asked of it then would never be answered. */
  #ended: { reason: unknown } | undefined;

  constructor(options: OpenOptions) {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: options });
    this.opened = this.#expect(OPENED);
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#failAll(error));
    this.#worker.on('exit', () => this.#failAll(new Error('The journal thread has ended.')));
  }

  call<Name extends keyof Calls>(
    name: Name,
    ...args: Parameters<Calls[Name]>
  ): Promise<ReturnType<Calls[Name]>> {
    return this.callAndGive([], name, ...args);
  }

  /** As `call`, and hands over these buffers, which are empty here from then on. */
  callAndGive<Name extends keyof Calls>(
    buffers: readonly ArrayBuffer[],
    name: Name,
    ...args: Parameters<Calls[Name]>
  ): Promise<ReturnType<Calls[Name]>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended.reason);
    const id = ++this.#lastId;
    const answer = this.#expect<ReturnType<Calls[Name]>>(id);
    this.#worker.postMessage({ id, name, args }, buffers);
    return answer;
  }

  #expect<T>(id: number): Promise<T> {
    return new Promise((resolve, reject) => {
      // The worker answers each call with what its own method returned.
      this.#waiting.set(id, { resolve: (value) => resolve(value as T), reject });
    });
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('error' in reply) {
      const { code, startup } = reply;
      const error = startup === undefined ? reply.error : new StartupError(startup);
      if (error instanceof Error && code !== undefined) Object.assign(error, { code });
      waiting?.reject(error);
    } else {
      waiting?.resolve(reply.value);
    }
  }

  #failAll(error: unknown): void {
    this.#ended ??= { reason: error };
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}

class ThreadJournal implements Journal {
  readonly id: string;
  readonly hashKey: Uint32Array;
  readonly lastSequence: number;
  readonly lastBlockId: number;
  readonly backlogBytes: number;
  readonly mayBeStoredThrough: number;
  readonly plannedThrough: number;
  readonly lastReceiptAtMs: number;
  readonly #thread: JournalThread;

  constructor(thread: JournalThread, state: JournalState) {
    this.#thread = thread;
    this.id = state.id;
    this.hashKey = state.hashKey;
    this.lastSequence = state.lastSequence;
    this.lastBlockId = state.lastBlockId;
    this.backlogBytes = state.backlogBytes;
    this.mayBeStoredThrough = state.mayBeStoredThrough;
    this.plannedThrough = state.plannedThrough;
    this.lastReceiptAtMs = state.lastReceiptAtMs;
  }

  async commit(block: Block): Promise<number> {
    return await this.#thread.callAndGive(ownBuffers(block), 'commit', block);
  }

  async planFlush(): Promise<FlushPlan | undefined> {
    return await this.#thread.call('planFlush');
  }

  async finishFlush(plan: FlushPlan): Promise<void> {
    await this.#thread.call('finishFlush', plan.lastSequence);
  }

  async receipts(blockId: number): Promise<Uint8Array> {
    return await this.#thread.call('receipts', blockId);
  }

  async answerBody(blockId: number, keyHash: Uint32Array): Promise<string | undefined> {
    return await this.#thread.call('answerBody', blockId, keyHash);
  }

  async *receiptsSince(sinceMs: number, afterBlockId = 0): AsyncIterable<BlockReceipts> {
    let blockId: number | undefined = afterBlockId;
    while (blockId !== undefined) {
      const blocks: BlockReceipts[] = await this.#thread.call('receiptsAfter', blockId, sinceMs);
      yield* blocks;
      blockId = blocks.at(-1)?.blockId;
    }
  }

  async pruneReceipts(beforeMs: number): Promise<void> {
    // In steps, so that commits come between.
    while (await this.#thread.call('pruneReceipts', beforeMs));
  }

  async copyTo(file: string): Promise<JournalCopy> {
    try {
      const copy = await this.#thread.call('beginCopy', file);
      let blockId: number | undefined = 0;
      while (blockId !== undefined) {
        blockId = await this.#thread.call('copyReceipts', blockId, copy.lastBlockId);
      }
      return copy;
    } finally {
      await this.#thread.call('endCopy');
    }
  }

  async moved(): Promise<readonly MovedRange[] | undefined> {
    return await this.#thread.call('moved');
  }

  async startAccount(totals: Totals): Promise<void> {
    await this.#thread.call('startAccount', totals);
  }

  async giveUpAccount(): Promise<void> {
    await this.#thread.call('giveUpAccount');
  }

  async keptRows(): Promise<BlockRows> {
    return await this.#thread.call('keptRows');
  }

  async neighbour(name: string, id: string): Promise<string> {
    return await this.#thread.call('neighbour', name, id);
  }

  async close(): Promise<void> {
    await this.#thread.call('close');
  }
}
