/**
 * The usable keys in memory: every request asks for one, by the hash of its secret.
 *
 * They are looked up by one half of the hash and then compared whole, in constant time: nothing that can be timed
 * depends on more of a key than a half of its hash, from which no secret follows.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Key } from '../domain/key.ts';

/** Of a SHA-256 in hex. */
const HASH_LENGTH = 64;
/** 128 bits: no two keys share them. */
const INDEX_LENGTH = 32;

export type HashedKey = { readonly key: Key; readonly secretSha256: string };

export class KeyRing {
  readonly #byHash = new Map<string, { readonly key: Key; readonly hash: Buffer }>();
  readonly #byId = new Map<string, Key>();
  /** The hash that is asked for; a buffer of its own each time would take four times as long. */
  readonly #asked = Buffer.alloc(HASH_LENGTH);

  constructor(keys: Iterable<HashedKey>) {
    for (const { key, secretSha256 } of keys) {
      const hash = Buffer.from(secretSha256, 'latin1');
      this.#byHash.set(secretSha256.slice(0, INDEX_LENGTH), { key, hash });
      this.#byId.set(key.id, key);
    }
  }

  find(secretSha256: string): Key | undefined {
    const found = this.#byHash.get(secretSha256.slice(0, INDEX_LENGTH));
    if (found === undefined || secretSha256.length !== HASH_LENGTH) return undefined;
    this.#asked.write(secretSha256, 'latin1');
    return timingSafeEqual(this.#asked, found.hash) ? found.key : undefined;
  }

  findById(id: string): Key | undefined {
    return this.#byId.get(id);
  }
}
