/** A part's `checksums.txt`: the size and hash of each of its files, in one compressed block that has a hash of its own. */
import { cityHash128 } from './city-hash.ts';
import { unpackLz4 } from './lz4.ts';

const FIRST_LINE = 'checksums format version: 4\n';
const HASH_BYTES = 16;
/** How it is packed, and both lengths; the first counts these too. */
const BLOCK_HEADER_BYTES = 9;
const PLAIN = 0x02;
const LZ4 = 0x82;

export type FileChecksum = { readonly bytes: number; readonly hash: string };

/** By name; undefined when the file is not as ClickHouse wrote it. Throws on a form of it that this version does not know. */
export function readChecksums(file: Buffer): ReadonlyMap<string, FileChecksum> | undefined {
  const start = FIRST_LINE.length;
  if (file.toString('latin1', 0, start) !== FIRST_LINE) return undefined;
  const block = file.subarray(start + HASH_BYTES);
  if (block.length < BLOCK_HEADER_BYTES || block.readUInt32LE(1) !== block.length) return undefined;
  if (cityHash128(block) !== file.toString('hex', start, start + HASH_BYTES)) return undefined;
  return parse(unpack(block));
}

function unpack(block: Buffer): Buffer {
  const packed = block.subarray(BLOCK_HEADER_BYTES);
  const method = block.readUInt8(0);
  if (method === PLAIN) return packed;
  if (method === LZ4) return Buffer.from(unpackLz4(packed, block.readUInt32LE(5)));
  throw new TypeError(`The checksums of a part are packed by method ${method}.`);
}

function parse(bytes: Buffer): ReadonlyMap<string, FileChecksum> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const text = (length: number, encoding: 'utf8' | 'hex'): string => {
    at += length;
    return bytes.toString(encoding, at - length, at);
  };
  const files = new Map<string, FileChecksum>();
  for (let left = varint(); left > 0; left -= 1) {
    const name = text(varint(), 'utf8');
    const size = varint();
    files.set(name, { bytes: size, hash: text(HASH_BYTES, 'hex') });
    const isPacked = bytes.readUInt8(at++) === 1;
    if (!isPacked) continue;
    varint();
    at += HASH_BYTES;
  }
  return files;
}
