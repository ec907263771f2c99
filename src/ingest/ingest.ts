/**
 * The way in. One thread decides, in the order of arrival, whether an event is new; what is new goes to disk
 * with the next commit, and only then is anybody told.
 *
 * What a crash can leave: facts that were committed and not acknowledged (the client's retry meets a
 * duplicate, or its receipt), never the other way round.
 */
import type { Answers } from '../catalog/catalog.ts';
import { quoted } from '../domain/characters.ts';
import type {
  Cancellation,
  IncomingEvent,
  RejectedEvent,
} from '../domain/meter-events/meter-event.ts';
import type { Journal } from '../journal/journal.ts';
import type { Receipt } from '../journal/receipt.ts';
import type { Namespace } from '../domain/namespace.ts';
import { ApiError } from '../domain/errors.ts';
import { secondsSince } from '../lib/histogram.ts';
import type { UsageStore } from '../usage/usage-store.ts';
import { ANSWER_KEPT_MS, AnsweredKeys } from './answered-keys.ts';
import { checkAccount } from './check-account.ts';
import { Committer } from './committer.ts';
import type { DiskSpace } from './disk-space.ts';
import { RETRY_AFTER_S_MAX } from './drain-rate.ts';
import { Flusher } from './flusher.ts';
import { Identifiers, type Verdict } from './identifiers.ts';
import { IngestStats } from './ingest-stats.ts';
import { NamespaceHashes } from './namespace-hashes.ts';
import {
  flushAll,
  readUsage,
  refuseNewerStore,
  refuseStrangers,
  rememberAnswers,
  rememberIdentifiers,
} from './recovery.ts';

/** `repeated`: a duplicate that is known to say what the first event said, which is not cancelled. */
export type Outcome = 'recorded' | 'duplicate' | 'repeated';

export type IngestParts = {
  readonly journal: Journal;
  readonly store: UsageStore;
  readonly answers: Pick<Answers, 'keys' | 'prune'>;
  /** Where identifiers and answered keys have their files. */
  readonly dataFolder: string;
  readonly identifierWindowDays: number;
  /** With so many identifiers in memory, or answered keys, these go to a file. */
  readonly identifiersInMemory: number;
  /** How much may wait in the journal for the usage store (P10). */
  readonly journalBytesMax: number;
  readonly disk: Pick<DiskSpace, 'shortage'>;
  /** The usage store refused an insert; it is tried again. */
  readonly onStoreFailure: (error: unknown) => void;
  /** The usage store had lost something, and has it again. */
  readonly onRepair: (what: string) => void;
  /** What is remembered could not be brought to disk; it stays in memory, and is tried again. */
  readonly onSealFailure: (error: unknown) => void;
  /** The journal failed, an insert is unsure, or identifiers cannot be read: the process has to stop (P9). */
  readonly onFatal: (error: unknown) => void;
};

export type Held = {
  readonly backlogBytes: number;
  /** How many there are, and the bytes of memory that they take. */
  readonly identifiers: { readonly size: number; readonly bytes: number };
  readonly answeredKeys: { readonly size: number; readonly bytes: number };
};

export class Ingest {
  readonly answeredKeys: AnsweredKeys;
  readonly stats = new IngestStats();
  readonly #parts: IngestParts;
  readonly #identifiers: Identifiers;
  readonly #committer: Committer;
  readonly #flusher: Flusher;
  /** The last block that has rows of a namespace: all that its readers have to wait for. */
  readonly #lastBlockOf = new Map<Namespace, number>();
  /** When `forget` was called last. */
  #forgottenAtMs = -Infinity;

  constructor(parts: IngestParts) {
    const { journal, store, onFatal } = parts;
    const { stats } = this;
    const hashes = new NamespaceHashes(journal.hashKey);
    this.#parts = parts;
    const { dataFolder } = parts;
    const files = {
      owner: journal.id,
      dataFolder,
      recentMax: parts.identifiersInMemory,
      onFailure: parts.onSealFailure,
    };
    this.#identifiers = new Identifiers(hashes, {
      ...files,
      lastPosition: journal.lastSequence,
      windowDays: parts.identifierWindowDays,
    });
    this.answeredKeys = new AnsweredKeys(hashes, { ...files, lastPosition: journal.lastBlockId });
    this.#flusher = new Flusher(journal, store, {
      onFailure: parts.onStoreFailure,
      onFatal,
      stats,
    });
    this.#committer = new Committer(journal, {
      onCommit: ({ blockId, rows, bytes, receipts, namespaces }) => {
        this.#flusher.committed(blockId, rows, bytes);
        for (const namespace of namespaces) this.#lastBlockOf.set(namespace, blockId);
        this.answeredKeys.addPacked({ blockId, packed: receipts });
      },
      onFatal,
      stats,
      makeRoom: () => this.#flusher.roomForReaders(),
    });
  }

  /** Brings the usage store up to date with the journal and remembers what was accepted and answered. */
  async recover(nowMs: number): Promise<void> {
    const { journal, store, answers } = this.#parts;
    await this.#forgetAnswers(Math.min(nowMs, journal.lastReceiptAtMs));
    await readUsage(async () => await refuseNewerStore(journal, store));
    await flushAll(this.#flusher, journal);
    const repaired = await readUsage(async () => await checkAccount(journal, store.account));
    if (repaired !== undefined) this.#parts.onRepair(repaired);
    await readUsage(async () => await refuseStrangers(journal, store));
    // One waits for the store while the other waits for the journal's thread.
    await Promise.all([
      readUsage(async () => await rememberIdentifiers(this.#identifiers, journal, store, nowMs)),
      rememberAnswers(this.answeredKeys, journal, answers, nowMs),
    ]);
  }

  /**
   * Stores one event, once an identifier. When it resolves, the event is on disk: answer the client only
   * after that. A duplicate waits too, for the event that it is a duplicate of. Throws ApiError
   * as `refuseWhenFull` does.
   */
  async record(event: IncomingEvent, receipt?: Receipt): Promise<Outcome> {
    this.refuseWhenFull();
    const outcome = this.accept(event);
    // A duplicate is a refusal, which leaves no receipt.
    if (outcome === 'recorded' && receipt !== undefined) this.addReceipt(receipt);
    await this.onDisk();
    return outcome;
  }

  /**
   * Decides whether the event is new and, if so, puts it into the next block; nothing is on disk yet. What is
   * accepted, rejected and receipted in one turn is in one block, whole or not at all. `onDisk` says when.
   */
  accept(event: IncomingEvent): Outcome {
    return this.#accept(
      event,
      this.#decide(() => this.#identifiers.add(event)),
    );
  }

  /** `accept` of one event after the other. */
  acceptAll(events: readonly IncomingEvent[]): readonly Outcome[] {
    const verdicts = this.#decide(() => this.#identifiers.addAll(events));
    return events.map((event, index) => this.#accept(event, verdicts[index]!));
  }

  #accept(event: IncomingEvent, verdict: Verdict): Outcome {
    if (verdict !== 'new') {
      this.stats.duplicates += 1;
      return verdict === 'taken' ? 'duplicate' : verdict;
    }
    const sequence = this.#committer.nextSequence();
    this.#committer.append((block) => block.addEvent(event, sequence));
    this.stats.accepted += 1;
    return 'recorded';
  }

  /** What cannot be decided must not be answered (P9). */
  #decide<T>(look: () => T): T {
    try {
      return look();
    } catch (error) {
      // Of a request that was half looked up, identifiers are taken and events are not: nobody may be told of them.
      this.#committer.stop(error);
      throw error;
    }
  }

  /** Acknowledges nothing any more; `onFatal` gets the reason (P9). */
  stop(error: unknown): void {
    this.#committer.stop(error);
  }

  /** Puts the fact that an event was rejected into the next block. Its identifier stays free. */
  reject(rejected: Omit<RejectedEvent, 'sequence'>): void {
    this.#keepAside(rejected);
    this.stats.countRejected(rejected.code);
  }

  /** Puts the fact into the next block that a duplicate was not what the first event of its identifier is. */
  traceDuplicate(
    duplicate: Omit<RejectedEvent, 'sequence'> & { readonly duplicateOf: number },
  ): void {
    this.#keepAside(duplicate);
  }

  #keepAside(rejected: Omit<RejectedEvent, 'sequence'>): void {
    const sequence = this.#committer.nextSequence();
    this.#committer.append((block) => block.addRejection({ ...rejected, sequence }));
  }

  /** Resolves when all that was accepted, rejected, receipted or found to be a duplicate so far is on disk. */
  onDisk(): Promise<unknown> {
    return this.#committer.settled();
  }

  /**
   * Stores a cancellation; as for `record`, it is on disk when this resolves. Throws ApiError `cancel_too_late` when the
   * event is pruned.
   */
  async cancel(cancellation: Cancellation, receipt?: Receipt): Promise<void> {
    this.refuseWhenFull();
    // In the turn in which it is appended: from then on who prunes waits for it.
    if (cancellation.timestampMs < this.#parts.store.closedBeforeMs) throw pruned(cancellation);
    this.#committer.append((block) => block.addCancellation(cancellation));
    this.#identifiers.cancelled(cancellation);
    if (receipt !== undefined) this.addReceipt(receipt);
    await this.onDisk();
  }

  /**
   * Puts that a keyed request was answered into the block of what it changed in this turn. `body`: the answer,
   * when it cannot be made again from request and receipt. `onDisk` says when it is kept.
   */
  addReceipt(receipt: Receipt, body?: string): void {
    this.#committer.append((block) => block.addReceipt(receipt, body));
  }

  /**
   * Throws ApiError `rate_limit` while the usage store is so far behind, or the disk so slow, that memory or the
   * journal would grow without bound (P10), and `unavailable` while the disk has too little room. What was acknowledged
   * is safe, and reads go on.
   */
  refuseWhenFull(): void {
    const { diskShortage } = this;
    if (diskShortage !== undefined) {
      throw new ApiError('unavailable', `${diskShortage} Try again later.`);
    }
    if (this.#committer.isFull) {
      // The commit that runs may take as long again.
      const seconds = Math.ceil(this.#committer.waitingSeconds);
      throw tooMuch('waits to be written to the journal', Math.max(1, seconds));
    }
    const excessBytes = this.#flusher.bytesWaiting - this.#parts.journalBytesMax;
    if (excessBytes >= 0) {
      const seconds = this.#flusher.secondsToRoom(excessBytes);
      throw tooMuch('waits in the journal for the usage store', seconds);
    }
  }

  /** Why nothing is taken in for want of room on a disk, if that is so. */
  get diskShortage(): string | undefined {
    return this.#parts.disk.shortage;
  }

  /** Once recovered: everything up to this sequence is in the usage store. */
  get flushedSequence(): number {
    return Math.max(this.#parts.journal.lastSequence, this.#flusher.flushedSequence);
  }

  /** The last sequence that was given out. */
  get lastSequence(): number {
    return this.#committer.lastSequence;
  }

  /** Bytes of rows that wait in the journal for the usage store. */
  get bytesWaiting(): number {
    return this.#flusher.bytesWaiting;
  }

  /**
   * Resolves when all that was acknowledged before the call is in the usage store, with the sequence up to which that is
   * everything. Throws as `flushThrough` of the flusher does.
   */
  async settled(): Promise<number> {
    const { committedBlockId, committedSequence } = this.#committer;
    await this.#flusher.flushThrough(committedBlockId);
    return committedSequence;
  }

  /**
   * The read barrier (P3): `settled` for a client, who shall not wait long, nor the next one. Only what is of the reader's
   * own namespace is waited for, so that nobody waits for what others send.
   */
  async settledForReader(namespace: Namespace, signal: AbortSignal): Promise<number> {
    const { committedSequence } = this.#committer;
    const startMs = performance.now();
    await this.#flusher.flushForReader(this.#lastBlockOf.get(namespace) ?? 0, signal);
    this.stats.barrierSeconds.observe(secondsSince(startMs));
    return committedSequence;
  }

  /** What waits in the journal for the usage store, and what is remembered of what came: as of now. */
  get held(): Held {
    return {
      backlogBytes: this.#flusher.bytesWaiting,
      identifiers: this.#identifiers,
      answeredKeys: this.answeredKeys,
    };
  }

  /** How long the commit has taken that runs now, and that everybody waits for; 0 when none does. */
  get waitingSeconds(): number {
    return this.#committer.waitingSeconds;
  }

  /**
   * Runs `work` at a moment when the usage store has all that was acknowledged and nothing else comes to disk. Requests
   * wait for it, reads go on: keep it short. Answers for how long they waited.
   */
  async atRest<T>(work: () => Promise<T>): Promise<{ result: T; pauseMs: number }> {
    // Most of it before, so that little is left for the pause.
    await this.settled();
    return await this.#committer.between(async () => {
      const beganMs = performance.now();
      await this.settled();
      return { result: await work(), pauseMs: performance.now() - beganMs };
    });
  }

  /** Drops old events from the usage store, as its `prune` says, when it has all cancellations that were accepted. */
  async prune(beforeMs: number, nowMs: number): Promise<void> {
    // What is dropped is on it. A crash in between leaves none either, and the next start begins one.
    await this.#parts.journal.giveUpAccount();
    await this.#parts.store.prune(beforeMs, nowMs, async () => {
      await this.onDisk();
      await this.settled();
    });
  }

  /** Brings to disk what is remembered, when there is much of it. To be called a few times a second. */
  seal(nowMs: number): void {
    const onDisk = (): Promise<unknown> => this.onDisk();
    this.#identifiers.sealIfDue(this.#committer.lastSequence, nowMs, onDisk);
    this.answeredKeys.sealIfDue(this.#committer.committedBlockId, nowMs, onDisk);
  }

  /** Drops what is too old to be asked for. To be called about once an hour. */
  async forget(nowMs: number): Promise<void> {
    this.#identifiers.forget(nowMs);
    this.answeredKeys.forget(nowMs);
    // As for these: only what two calls in a row say is old, so that a clock that is ahead for a while loses nothing.
    await this.#forgetAnswers(Math.min(nowMs, this.#forgottenAtMs));
    this.#forgottenAtMs = nowMs;
  }

  async #forgetAnswers(nowMs: number): Promise<void> {
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

function tooMuch(waits: string, retryAfterS: number): ApiError {
  const message = `Too much ${waits}. Try again a little later.`;
  const seconds = Math.min(retryAfterS, RETRY_AFTER_S_MAX);
  return new ApiError('rate_limit', message, undefined, seconds);
}

function pruned({ identifier }: Cancellation): ApiError {
  return new ApiError(
    'cancel_too_late',
    `The event with identifier ${quoted(identifier)} is of a month that was pruned, and cannot be cancelled any more.`,
    'cancel[identifier]',
  );
}
