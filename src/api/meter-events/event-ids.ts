/**
 * The id of a stored event, counted or rejected: its sequence, enciphered. So it needs no room on disk, works as a
 * cursor, and says nothing of how much other accounts send, which the plain sequence would (P7).
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { isLive, type Namespace } from '../../domain/namespace.ts';

/** One block of AES: half of it names the namespace, so that an id opens nothing in another one. */
const CIPHER = 'aes-128-ecb';
const BLOCK_BYTES = 16;

export class EventIds {
  readonly #key: Buffer;

  /** `secret`: the folder's. The same ids after every restart. */
  constructor(secret: Uint32Array) {
    this.#key = Buffer.from(hkdfSync('sha256', new Uint8Array(secret.buffer), '', 'event ids', 16));
  }

  toId(namespace: Namespace, sequence: number): string {
    const block = Buffer.concat([tagOf(namespace), Buffer.alloc(8)]);
    block.writeBigUInt64BE(BigInt(sequence), 8);
    const cipher = createCipheriv(CIPHER, this.#key, null).setAutoPadding(false);
    return (
      prefix(namespace) + Buffer.concat([cipher.update(block), cipher.final()]).toString('hex')
    );
  }

  /** The sequence; undefined for what `toId` never made in this namespace. */
  parse(namespace: Namespace, id: string): number | undefined {
    const digits = id.slice(prefix(namespace).length);
    if (!id.startsWith(prefix(namespace)) || !/^[0-9a-f]{32}$/.test(digits)) return undefined;
    const decipher = createDecipheriv(CIPHER, this.#key, null).setAutoPadding(false);
    const block = Buffer.concat([decipher.update(digits, 'hex'), decipher.final()]);
    if (block.length !== BLOCK_BYTES || !block.subarray(0, 8).equals(tagOf(namespace)))
      return undefined;
    return Number(block.readBigUInt64BE(8));
  }
}

function tagOf(namespace: Namespace): Buffer {
  return createHash('sha256').update(namespace).digest().subarray(0, 8);
}

function prefix(namespace: Namespace): string {
  return isLive(namespace) ? 'mtrevt_' : 'mtrevt_test_';
}
