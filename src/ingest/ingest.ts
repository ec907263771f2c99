/**
 * The way in. One thread decides, in the order of arrival, whether an event is new; what is new goes to disk
 * with the next commit, and only then is anybody told.
 *
 * What a crash can leave: facts that were committed and not acknowledged (the client's retry meets a
 * duplicate, or its receipt), never the other way round.
 */
import type { Answers } from '../catalog/catalog.ts';
import type { Cancellation, IncomingEvent, RejectedEvent } from '../events/event.ts';
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

export type Outcome = 'recorded' | 'duplicate';

export type IngestParts = {
  readonly journal: Journal;
  readonly store: UsageStore;
  readonly answers: Pick<Answers, 'keys' | 'prune'>;
  readonly identifierWindowDays: number;
  /** How much may wait in the journal for the usage store (P10). */
  readonly journalBytesMax: number;
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
    this.#identifiers = new Identifiers(hashes, parts.identifierWindowDays);
    this.answeredKeys = new AnsweredKeys(hashes);
    this.#flusher = new Flusher(journal, store, { onFailure: parts.onStoreFailure, onFatal });
    this.#committer = new Committer(journal, {
      onCommit: (blockId, rows, bytes) => this.#flusher.committed(blockId, rows, bytes),
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
    const { store } = this.#parts;
    const sinceMs = this.#identifiers.rememberedSinceMs(nowMs);
    for await (const chunk of store.identifiers({ afterSequence: 0, sinceMs })) {
      const bytes = Buffer.from(chunk.bytes.buffer, chunk.bytes.byteOffset, chunk.bytes.byteLength);
      for (let i = 0; i < chunk.count; i += 1) {
        const start = chunk.starts[i]!;
        const identifier = bytes.toString('utf8', start, start + chunk.lengths[i]!);
        // A time from when the clock was ahead would end the memory of all that came before it.
        const receivedAtMs = Math.min(chunk.receivedAtMs[i]!, nowMs);
        this.#identifiers.add({ namespace: chunk.namespace, identifier, receivedAtMs });
      }
    }
  }

  async #rememberAnswers(nowMs: number): Promise<void> {
    const { journal, answers } = this.#parts;
    for await (const block of journal.receiptsSince(nowMs - ANSWER_KEPT_MS)) {
      this.answeredKeys.addPacked(block);
    }
    for (const { namespace, idempotencyKey, createdMs } of answers.keys()) {
      const keyHash = this.answeredKeys.hashKey(namespace, idempotencyKey);
      this.answeredKeys.add(keyHash, createdMs, IN_CATALOG);
    }
  }

  /**
   * Stores one event, once an identifier. When it resolves, the event is on disk: answer the client only
   * after that. `duplicate` waits too, for the event that it is a duplicate of. Throws ApiError `rate_limit`
   * as `refuseWhenFull` does.
   */
  async record(event: IncomingEvent, receipt?: Receipt): Promise<Outcome> {
    this.refuseWhenFull();
    const outcome = this.accept(event);
    // A duplicate is a refusal, which leaves no receipt.
    if (outcome === 'recorded' && receipt !== undefined) await this.recordReceipt(receipt);
    else await this.onDisk();
    return outcome;
  }

  /**
   * Decides whether the event is new and, if so, puts it into the next block; nothing is on disk yet. What is
   * accepted, rejected and receipted in one turn is in one block, whole or not at all. `onDisk` says when.
   */
  accept(event: IncomingEvent): Outcome {
    if (!this.#identifiers.add(event)) return 'duplicate';
    const sequence = this.#committer.nextSequence();
    this.#committer.append((block) => block.addEvent(event, sequence));
    return 'recorded';
  }

  /** Puts the fact that an event was rejected into the next block. Its identifier stays free. */
  reject(rejected: Omit<RejectedEvent, 'sequence'>): void {
    const sequence = this.#committer.nextSequence();
    this.#committer.append((block) => block.addRejection({ ...rejected, sequence }));
  }

  /** Resolves when all that was accepted, rejected or found to be a duplicate so far is on disk. */
  async onDisk(): Promise<void> {
    await this.#committer.settled();
  }

  /** Stores a cancellation; as for `record`, it is on disk when this resolves. */
  async cancel(cancellation: Cancellation, receipt?: Receipt): Promise<void> {
    this.refuseWhenFull();
    this.#committer.append((block) => block.addCancellation(cancellation));
    if (receipt === undefined) await this.onDisk();
    else await this.recordReceipt(receipt);
  }

  /**
   * Stores that a keyed request was answered, in the block of what it changed in this turn. `body`: the answer,
   * when it cannot be made again from request and receipt.
   */
  async recordReceipt(receipt: Receipt, body?: string): Promise<void> {
    this.#committer.append((block) => block.addReceipt(receipt, body));
    const blockId = await this.#committer.settled();
    this.answeredKeys.add(receipt.keyHash, receipt.receivedAtMs, blockId);
  }

  /**
   * Throws ApiError `rate_limit` while the usage store is so far behind, or the disk so slow, that memory or the
   * journal would grow without bound (P10). What was acknowledged is safe, and reads go on.
   */
  refuseWhenFull(): void {
    if (this.#committer.isFull) throw tooMuch('waits to be written to the journal');
    if (this.#flusher.bytesWaiting >= this.#parts.journalBytesMax) {
      throw tooMuch('waits in the journal for the usage store');
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
    }
  }
}

function tooMuch(waits: string): ApiError {
  return new ApiError('rate_limit', `Too much ${waits}. Try again a little later.`);
}
