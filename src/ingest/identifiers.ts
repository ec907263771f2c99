/**
 * The identifiers that were accepted, in memory: what decides whether an event is a duplicate (P4). Hashes in
 * a table, not texts; rebuilt from the usage store on start.
 *
 * One thread asks, in the order of arrival, so that of two events with one identifier exactly one is new.
 */
import { DAY_MS } from '../summaries/windows.ts';
import type { ReceivedIdentifier } from '../usage/usage-store.ts';
import { HashTable } from './hash-table.ts';
import { HASH_OF, type NamespaceHashes } from './namespace-hashes.ts';

export class Identifiers {
  readonly #hashes: NamespaceHashes;
  readonly #table: HashTable;
  readonly #windowDays: number;
  readonly #hash = new Uint32Array(4);

  constructor(hashes: NamespaceHashes, windowDays: number) {
    this.#hashes = hashes;
    this.#windowDays = windowDays;
    // One day more: an event dated a few minutes ahead can be sent again a few minutes after the window.
    this.#table = new HashTable({ windowPeriods: windowDays + 1 });
  }

  /** How many are held. */
  get size(): number {
    return this.#table.size;
  }

  /** True when the identifier is new in its namespace; from then on it is not. */
  add({ namespace, identifier, receivedAtMs }: ReceivedIdentifier): boolean {
    this.#hashes.of(namespace).hash(identifier, HASH_OF.identifier, this.#hash);
    return this.#table.add(this.#hash, Math.floor(receivedAtMs / DAY_MS)) === 'added';
  }

  /** Events received earlier than this are not remembered: where a rebuild begins. */
  rememberedSinceMs(nowMs: number): number {
    return nowMs - (this.#windowDays + 1) * DAY_MS;
  }
}
