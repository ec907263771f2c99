/**
 * The identifiers that were accepted: what decides whether an event is a duplicate (P4). Hashes of them, not
 * texts, in `identifiers/` of the data folder and in memory; what is not there on start comes from the usage store.
 *
 * One thread asks, in the order of arrival, so that of two events with one identifier exactly one is new. An
 * identifier's position is the sequence of its event.
 */
import { join } from 'node:path';
import type { Namespace } from '../namespace.ts';
import { DAY_MS } from '../summaries/windows.ts';
import type { ReceivedIdentifier } from '../usage/usage-store.ts';
import { HASH_OF, type NamespaceHashes } from './namespace-hashes.ts';
import { Remembered, type RememberedOptions } from './remembered/remembered.ts';

/** Where they are; see Remembered for what the options and methods promise. */
export type IdentifiersOptions = Pick<
  RememberedOptions,
  'owner' | 'lastPosition' | 'recentMax' | 'onFailure'
> & { readonly dataFolder: string; readonly windowDays: number };

export class Identifiers {
  readonly #hashes: NamespaceHashes;
  readonly #remembered: Remembered;
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

  /** True when the identifier is new in its namespace; from then on it is not. */
  add(received: ReceivedIdentifier): boolean {
    this.#hashOf(received, this.#hash);
    return this.#addHash(this.#hash, received.receivedAtMs);
  }

  /** `add` of one after the other, in less time. */
  addAll(all: readonly ReceivedIdentifier[]): readonly boolean[] {
    if (this.#manyHashes.length < 4 * all.length)
      this.#manyHashes = new Uint32Array(8 * all.length);
    const hashes = this.#manyHashes;
    const hash = this.#hash;
    for (let i = 0; i < all.length; i += 1) {
      this.#hashOf(all[i]!, hash);
      hashes.set(hash, 4 * i);
    }
    this.#remembered.touch(hashes, all.length);
    return all.map(({ receivedAtMs }, i) => {
      for (let word = 0; word < 4; word += 1) hash[word] = hashes[4 * i + word]!;
      return this.#addHash(hash, receivedAtMs);
    });
  }

  #hashOf({ namespace, identifier }: ReceivedIdentifier, out: Uint32Array): void {
    this.#hashes.of(namespace).hash(identifier, HASH_OF.identifier, out);
  }

  /** The same for an identifier in UTF-8; no text is made of it if it is ASCII. */
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
