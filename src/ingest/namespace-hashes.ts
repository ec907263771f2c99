import type { Namespace } from '../domain/namespace.ts';
import { KeyedHash } from '../dedup/chaskey.ts';

/** What a hash is of; the same text hashes differently as each. */
export const HASH_OF = { namespace: 0, identifier: 1, idempotencyKey: 2, parameters: 3 } as const;

/** A hash function for each namespace, all derived from the folder's secret: the same after every restart. */
export class NamespaceHashes {
  readonly #root: KeyedHash;
  readonly #byNamespace = new Map<Namespace, KeyedHash>();

  constructor(key: Uint32Array) {
    this.#root = new KeyedHash(key);
  }

  of(namespace: Namespace): KeyedHash {
    const known = this.#byNamespace.get(namespace);
    if (known !== undefined) return known;
    const key = new Uint32Array(4);
    this.#root.hash(namespace, HASH_OF.namespace, key);
    const hash = new KeyedHash(key);
    this.#byNamespace.set(namespace, hash);
    return hash;
  }
}
