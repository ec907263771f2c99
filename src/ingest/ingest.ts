/**
 * The way in. One thread decides, in the order of arrival, whether an event is new; what is new goes to disk
 * with the next commit, and only then is anybody told.
 *
 * What a crash can leave: facts that were committed and not acknowledged (the client's retry meets a
 * duplicate, or its receipt), never the other way round.
 */
import type { Answers } from '../catalog/catalog.ts';
import type { Cancellation, MeterEvent } from '../events/event.ts';
import type { Journal } from '../journal/journal.ts';
import type { Receipt } from '../journal/receipt.ts';
import { ApiError } from '../errors.ts';
import { StartupError } from '../startup-error.ts';
import type { UsageStore } from '../usage/usage-store.ts';
import { ANSWER_KEPT_MS, AnsweredKeys, IN_CATALOG } from './answered-keys.ts';
import { Committer } from './committer.ts';
import { Flusher } from './flusher.ts';
import { Identifiers } from './identifiers.ts';
import { NamespaceHashes } from './namespace-hashes.ts';

export type NewEvent = Omit<MeterEvent, 'sequence'>;

export type IngestParts = {
  readonly journal: Journal;
  readonly store: UsageStore;
  readonly answers: Pick<Answers, 'keys' | 'prune'>;
  /** Where identifiers and answered keys have their files. */
  readonly dataFolder: string;
  readonly identifierWindowDays: number;
  /** The usage store refused an insert; it is tried again. */
  readonly onStoreFailure: (error: unknown) => void;
  /** The journal failed: nothing may be acknowledged any more, the process has to stop (P9). */
  readonly onFatal: (error: unknown) => void;
};

export class Ingest {
  readonly answeredKeys: AnsweredKeys;
  readonly #parts: IngestParts;
  readonly #identifiers: Identifiers;
  readonly #committer: Committer;
  readonly #flusher: Flusher;

  constructor(parts: IngestParts) {
    const { journal, store, onFatal } = parts;
    const hashes = new NamespaceHashes(journal.hashKey);
    this.#parts = parts;
    const { dataFolder } = parts;
    const files = { owner: journal.id, dataFolder, onFailure: onFatal };
    this.#identifiers = new Identifiers(hashes, {
      ...files,
      lastPosition: journal.lastSequence,
      windowDays: parts.identifierWindowDays,
    });
    this.answeredKeys = new AnsweredKeys(hashes, { ...files, lastPosition: journal.lastBlockId });
    this.#flusher = new Flusher(journal, store, { onFailure: parts.onStoreFailure, onFatal });
    this.#committer = new Committer(journal, {
      onCommit: (blockId, rows) => this.#flusher.committed(blockId, rows),
      onFatal,
    });
  }

  /** Brings the usage store up to date with the journal and remembers what was accepted and answered. */
  async recover(nowMs: number): Promise<void> {
    await this.forgetOldAnswers(nowMs);
    await this.#flushAll();
    await this.#refuseStrangers();
    // One waits for the store while the other waits for the journal's thread.
    await Promise.all([this.#rememberIdentifiers(nowMs), this.#rememberAnswers(nowMs)]);
  }

  async #flushAll(): Promise<void> {
    try {
      await this.#flusher.flushThrough(this.#parts.journal.lastBlockId);
    } catch (error) {
      const cause = error instanceof ApiError && error.cause instanceof Error ? error.cause : error;
      const [reason] = String(cause).split('\n', 1);
      throw new StartupError(`The usage store does not take what the journal holds: ${reason}`);
    }
  }

  /**
   * With everything flushed, the last event of the store is the last that the journal ever took. If not, one
   * of the two was lost or restored alone: sequences and tokens would come again, or events are missing.
   */
  async #refuseStrangers(): Promise<void> {
    const { journal, store } = this.#parts;
    const stored = await store.lastSequence();
    if (stored === journal.lastSequence) return;
    const what =
      stored > journal.lastSequence
        ? 'journal.db is older than usage/, or another one'
        : 'usage/ lacks events that it was given';
    throw new StartupError(
      `${what}: the last event is number ${journal.lastSequence} in journal.db and ${stored} in usage/. ` +
        'Restore both from the same copy of the data folder.',
    );
  }

  async #rememberIdentifiers(nowMs: number): Promise<void> {
    const { journal, store } = this.#parts;
    for await (const chunk of store.identifiers(this.#identifiers.rememberedSinceMs(nowMs))) {
      for (const received of chunk) {
        // A time from when the clock was ahead would be remembered for that much longer.
        const receivedAtMs = Math.min(received.receivedAtMs, nowMs);
        this.#identifiers.add({ ...received, receivedAtMs });
      }
      await this.#identifiers.makeRoom();
    }
    await this.#identifiers.rebuilt(journal.lastSequence);
  }

  async #rememberAnswers(nowMs: number): Promise<void> {
    const { journal, answers } = this.#parts;
    for await (const block of journal.receiptsSince(nowMs - ANSWER_KEPT_MS)) {
      this.answeredKeys.addPacked(block);
      await this.answeredKeys.makeRoom();
    }
    for (const { namespace, idempotencyKey, createdMs } of answers.keys()) {
      const keyHash = this.answeredKeys.hashKey(namespace, idempotencyKey);
      this.answeredKeys.add(keyHash, createdMs, IN_CATALOG);
    }
    await this.answeredKeys.rebuilt(journal.lastBlockId);
  }

  /**
   * Stores one event, once an identifier. When it resolves, the event is on disk: answer the client only
   * after that. `duplicate` waits too, for the event that it is a duplicate of.
   */
  async record(event: NewEvent, receipt?: Receipt): Promise<'recorded' | 'duplicate'> {
    if (this.#committer.isFull) throw tooMuchWaiting();
    if (!this.#isNew(event)) {
      await this.#committer.settled();
      return 'duplicate';
    }
    const sequence = this.#committer.nextSequence();
    await this.#append(receipt, (block) => block.addEvent({ ...event, sequence }));
    return 'recorded';
  }

  /** What cannot be decided must not be answered (P9). */
  #isNew(event: NewEvent): boolean {
    try {
      return this.#identifiers.add(event);
    } catch (error) {
      this.#parts.onFatal(error);
      throw error;
    }
  }

  /** Stores a cancellation; as for `record`, it is on disk when this resolves. */
  async cancel(cancellation: Cancellation, receipt?: Receipt): Promise<void> {
    await this.#append(receipt, (block) => block.addCancellation(cancellation));
  }

  /** Stores only that a keyed request was answered, for an answer that changed nothing. */
  async recordReceipt(receipt: Receipt): Promise<void> {
    await this.#append(receipt, () => undefined);
  }

  async #append(receipt: Receipt | undefined, fill: Parameters<Committer['append']>[0]) {
    const blockId = await this.#committer.append((block) => {
      fill(block);
      if (receipt !== undefined) block.addReceipt(receipt);
    });
    if (receipt !== undefined) {
      this.answeredKeys.add(receipt.keyHash, receipt.receivedAtMs, blockId);
    }
  }

  /** The read barrier (P3): resolves when all that was acknowledged before the call is in the usage store. */
  async settled(): Promise<void> {
    await this.#flusher.flushThrough(this.#committer.committedBlockId);
  }

  /** Drops first answers that are too old to be asked for. To be called about once an hour. */
  async forgetOldAnswers(nowMs: number): Promise<void> {
    await this.#parts.journal.pruneReceipts(nowMs - ANSWER_KEPT_MS);
    await this.#parts.answers.prune(nowMs - ANSWER_KEPT_MS);
  }

  /** Finishes what was begun. What is not in the usage store by then waits in the journal. */
  async close(): Promise<void> {
    try {
      await this.#committer.settled();
      // A store that refuses is no reason to hang: the next start flushes what is left.
      await this.settled().catch(() => undefined);
    } finally {
      await this.#flusher.close();
      await this.#identifiers.close();
      await this.answeredKeys.close();
    }
  }
}

function tooMuchWaiting(): ApiError {
  return new ApiError('unavailable', 'Too much waits to be written. Try again.');
}
