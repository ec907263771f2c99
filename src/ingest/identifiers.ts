/**
 * The identifiers that were accepted: what decides whether an event is a duplicate (P4). Hashes of them, not
 * texts, in `identifiers/` of the data folder and in memory; what is not there on start comes from the usage store.
 *
 * One thread asks, in the order of arrival, so that of two events with one identifier exactly one is new. An
 * identifier's position is the sequence of its event.
 */
import { DAY_MS } from '../domain/time.ts';
import { join } from 'node:path';
import type { IncomingEvent } from '../domain/meter-events/meter-event.ts';
import type { Namespace } from '../domain/namespace.ts';
import { LatestContents } from './latest-contents.ts';
import { HASH_OF, type NamespaceHashes } from './namespace-hashes.ts';
import { Remembered, type RememberedOptions } from '../dedup/dedup-set.ts';

/** Where they are; see Remembered for what the options and methods promise. */
export type IdentifiersOptions = Pick<
  RememberedOptions,
  'owner' | 'lastPosition' | 'recentMax' | 'onFailure'
> & { readonly dataFolder: string; readonly windowDays: number };

/**
 * Whether an event's identifier is new. `repeated`: it is taken by an event that is known to have said the same and not
 * to be cancelled; `taken`: by one that may have said something else.
 */
export type Verdict = 'new' | 'repeated' | 'taken';

export class Identifiers {
  readonly #hashes: NamespaceHashes;
  readonly #remembered: Remembered;
  readonly #contents = new LatestContents();
  readonly #windowDays: number;
  readonly #hash = new Uint32Array(4);
  #manyHashes = new Uint32Array(4 * 100);

  constructor(hashes: NamespaceHashes, { dataFolder, windowDays, ...options }: IdentifiersOptions) {
    this.#hashes = hashes;
    this.#windowDays = windowDays;
    this.#remembered = Remembered.open({
      ...options,
      folder: join(dataFolder, 'identifiers'),
      // One day more: an event dated a few minutes ahead can be sent again a few minutes after the window.
      windowPeriods: windowDays + 1,
    });
  }

  /** How many are held. */
  get size(): number {
    return this.#remembered.size;
  }

  /** The memory that they take. */
  get bytes(): number {
    return this.#remembered.bytes;
  }

  /** Those of all events up to this sequence are there on start: a rebuild begins after it. */
  get coveredThrough(): number {
    return this.#remembered.coveredThrough;
  }

  /** From a verdict of `new` on the identifier is taken. */
  add(event: IncomingEvent): Verdict {
    this.#hashOf(event, this.#hash);
    return this.#judge(this.#hash, event);
  }

  /** `add` of one after the other, in less time. */
  addAll(events: readonly IncomingEvent[]): readonly Verdict[] {
    if (this.#manyHashes.length < 4 * events.length)
      this.#manyHashes = new Uint32Array(8 * events.length);
    const hashes = this.#manyHashes;
    const hash = this.#hash;
    for (let i = 0; i < events.length; i += 1) {
      this.#hashOf(events[i]!, hash);
      hashes.set(hash, 4 * i);
    }
    this.#remembered.touch(hashes, events.length);
    return events.map((event, i) => {
      for (let word = 0; word < 4; word += 1) hash[word] = hashes[4 * i + word]!;
      return this.#judge(hash, event);
    });
  }

  #judge(hash: Uint32Array, event: IncomingEvent): Verdict {
    if (!this.#addHash(hash, event.receivedAtMs)) {
      return this.#contents.isSame(hash, event) ? 'repeated' : 'taken';
    }
    this.#contents.set(hash, event);
    return 'new';
  }

  /** The event of this identifier is cancelled: what says the same again is `taken`. */
  cancelled(of: Pick<IncomingEvent, 'namespace' | 'identifier'>): void {
    this.#hashOf(of, this.#hash);
    this.#contents.forget(this.#hash);
  }

  #hashOf(
    { namespace, identifier }: Pick<IncomingEvent, 'namespace' | 'identifier'>,
    out: Uint32Array,
  ): void {
    this.#hashes.of(namespace).hash(identifier, HASH_OF.identifier, out);
  }

  /** Takes an identifier in UTF-8; no text is made of it if it is ASCII. False when it is taken. */
  addBytes(
    namespace: Namespace,
    bytes: Uint8Array,
    start: number,
    length: number,
    receivedAtMs: number,
  ): boolean {
    const hashes = this.#hashes.of(namespace);
    if (!hashes.hashBytes(bytes, start, length, HASH_OF.identifier, this.#hash)) {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString();
      hashes.hash(text, HASH_OF.identifier, this.#hash);
    }
    return this.#addHash(this.#hash, receivedAtMs);
  }

  #addHash(hash: Uint32Array, receivedAtMs: number): boolean {
    return this.#remembered.add(hash, dayOf(receivedAtMs)) === 'added';
  }

  /** Events received earlier than this are not remembered: where a rebuild begins. */
  rememberedSinceMs(nowMs: number): number {
    return nowMs - (this.#windowDays + 1) * DAY_MS;
  }

  async makeRoom(): Promise<void> {
    await this.#remembered.makeRoom();
  }

  async rebuilt(lastSequence: number): Promise<void> {
    await this.#remembered.rebuilt(lastSequence);
  }

  sealIfDue(lastSequence: number, nowMs: number, settled: () => Promise<unknown>): void {
    this.#remembered.sealIfDue(lastSequence, dayOf(nowMs), settled);
  }

  /** To be called about once an hour. */
  forget(nowMs: number): void {
    this.#remembered.forget(dayOf(nowMs));
  }

  async idle(): Promise<void> {
    await this.#remembered.idle();
  }

  async close(): Promise<void> {
    await this.#remembered.close();
  }
}

function dayOf(timeMs: number): number {
  return Math.floor(timeMs / DAY_MS);
}
