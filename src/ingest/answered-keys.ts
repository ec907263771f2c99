/**
 * The Idempotency-Keys that were answered in the last 24 hours: a hash of each and where its first answer is kept,
 * in `answered-keys/` of the data folder and in memory. What is not there on start comes from the journal's
 * receipts and the catalog's answers. A key's position is the block with its receipt.
 */
import { HOUR_MS } from '../domain/time.ts';
import { join } from 'node:path';
import type { BlockReceipts } from '../journal/journal.ts';
import { forEachPacked, type Fingerprint } from '../journal/receipt.ts';
import type { Namespace } from '../domain/namespace.ts';
import { HASH_OF, type NamespaceHashes } from './namespace-hashes.ts';
import { Remembered, type RememberedOptions } from '../dedup/dedup-set.ts';

/** A place that is no block of the journal: the answer is in the catalog. */
export const IN_CATALOG = 0;

/** Stripe keeps first answers for at least 24 h; the hour that has only begun is kept too. */
const WINDOW_HOURS = 25;
/** How long receipts and answers stay on disk: a little longer than anything in memory points to them. */
export const ANSWER_KEPT_MS = (WINDOW_HOURS + 1) * HOUR_MS;

/** Where they are; see Remembered for what the options and methods promise. */
export type AnsweredKeysOptions = Pick<
  RememberedOptions,
  'owner' | 'lastPosition' | 'recentMax' | 'onFailure'
> & { readonly dataFolder: string };

export class AnsweredKeys {
  readonly #hashes: NamespaceHashes;
  readonly #remembered: Remembered;
  readonly #hash = new Uint32Array(4);

  constructor(hashes: NamespaceHashes, { dataFolder, ...options }: AnsweredKeysOptions) {
    this.#hashes = hashes;
    this.#remembered = Remembered.open({
      ...options,
      folder: join(dataFolder, 'answered-keys'),
      windowPeriods: WINDOW_HOURS,
      values: true,
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

  /** Those with a receipt in a block up to this one are there on start: a rebuild begins after it. */
  get coveredThrough(): number {
    return this.#remembered.coveredThrough;
  }

  hashKey(namespace: Namespace, idempotencyKey: string): Uint32Array {
    const hash = new Uint32Array(4);
    this.#hashes.of(namespace).hash(idempotencyKey, HASH_OF.idempotencyKey, hash);
    return hash;
  }

  /** 2 words that stand for a request's parameters: enough to tell a retry from another request. */
  fingerprint(namespace: Namespace, canonical: string): Fingerprint {
    this.#hashes.of(namespace).hash(canonical, HASH_OF.parameters, this.#hash);
    return [this.#hash[0]!, this.#hash[1]!];
  }

  /** The journal's block that holds the receipt, or IN_CATALOG; undefined for a key not seen in 24 h. */
  find(keyHash: Uint32Array, nowMs: number): number | undefined {
    return this.#remembered.findValue(keyHash, hourOf(nowMs));
  }

  add(keyHash: Uint32Array, receivedAtMs: number, place: number): void {
    this.#remembered.add(keyHash, hourOf(receivedAtMs), place);
  }

  addPacked({ packed, blockId }: BlockReceipts): void {
    forEachPacked(packed, (keyHash, receivedAtMs) => this.add(keyHash, receivedAtMs, blockId));
  }

  async makeRoom(): Promise<void> {
    await this.#remembered.makeRoom();
  }

  async rebuilt(lastBlockId: number): Promise<void> {
    await this.#remembered.rebuilt(lastBlockId);
  }

  sealIfDue(lastBlockId: number, nowMs: number, settled: () => Promise<unknown>): void {
    this.#remembered.sealIfDue(lastBlockId, hourOf(nowMs), settled);
  }

  /** To be called about once an hour. */
  forget(nowMs: number): void {
    this.#remembered.forget(hourOf(nowMs));
  }

  async idle(): Promise<void> {
    await this.#remembered.idle();
  }

  async close(): Promise<void> {
    await this.#remembered.close();
  }
}

function hourOf(timeMs: number): number {
  return Math.floor(timeMs / HOUR_MS);
}
