/**
 * The Idempotency-Keys that were answered in the last 24 hours, in memory: a hash of each and where its first
 * answer is kept. Rebuilt on start from the journal's receipts and the catalog's answers.
 */
import type { BlockReceipts } from '../journal/journal.ts';
import { forEachPacked } from '../journal/receipt.ts';
import type { Namespace } from '../namespace.ts';
import { HOUR_MS } from '../summaries/windows.ts';
import { HashTable } from './hash-table.ts';
import { HASH_OF, type NamespaceHashes } from './namespace-hashes.ts';

/** A place that is no block of the journal: the answer is in the catalog. */
export const IN_CATALOG = 0;

/** Stripe keeps first answers for at least 24 h; the hour that has only begun is kept too. */
const WINDOW_HOURS = 25;
/** How long receipts and answers stay on disk: a little longer than anything in memory points to them. */
export const ANSWER_KEPT_MS = (WINDOW_HOURS + 1) * HOUR_MS;

export class AnsweredKeys {
  readonly #hashes: NamespaceHashes;
  readonly #table = new HashTable({ windowPeriods: WINDOW_HOURS, values: true });

  constructor(hashes: NamespaceHashes) {
    this.#hashes = hashes;
  }

  hashKey(namespace: Namespace, idempotencyKey: string): Uint32Array {
    const hash = new Uint32Array(4);
    this.#hashes.of(namespace).hash(idempotencyKey, HASH_OF.idempotencyKey, hash);
    return hash;
  }

  /** 2 words that stand for a request's parameters: enough to tell a retry from another request. */
  fingerprint(namespace: Namespace, canonical: string): Uint32Array {
    const hash = new Uint32Array(4);
    this.#hashes.of(namespace).hash(canonical, HASH_OF.parameters, hash);
    return hash.slice(0, 2);
  }

  /** The journal's block that holds the receipt, or IN_CATALOG; undefined for a key not seen in 24 h. */
  find(keyHash: Uint32Array, nowMs: number): number | undefined {
    return this.#table.findValue(keyHash, hourOf(nowMs));
  }

  add(keyHash: Uint32Array, receivedAtMs: number, place: number): void {
    this.#table.add(keyHash, hourOf(receivedAtMs), place);
  }

  addPacked({ packed, blockId }: BlockReceipts): void {
    forEachPacked(packed, (keyHash, receivedAtMs) => this.add(keyHash, receivedAtMs, blockId));
  }
}

function hourOf(timeMs: number): number {
  return Math.floor(timeMs / HOUR_MS);
}
