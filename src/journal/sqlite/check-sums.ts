/**
 * The journal's rows carry a CRC-32 each: SQLite has none for what it holds, and a flipped bit in a block would be a wrong
 * sum. Rows of before have none (null) and are taken as they are.
 */
import { crc32 } from 'node:zlib';
import { damagedError } from '../../lib/startup-error.ts';

type Part = Uint8Array | string | number;

/** 7 µs for 18 KB. Lengths count too, so that no byte can move from one part to the next. */
export function crcOf(...parts: readonly Part[]): number {
  let crc = 0;
  for (const part of parts) {
    const bytes = typeof part === 'number' ? String(part) : part;
    crc = crc32(bytes, crc32(`${bytes.length};`, crc));
  }
  return crc;
}

/** Throws StartupError when the parts are not those that the sum was made of. */
export function expectCrc(
  file: string,
  what: string,
  crc: number | null,
  ...parts: readonly Part[]
): void {
  if (crc !== null && crc !== crcOf(...parts)) {
    throw damagedError(file, `${what} is not as it was written`);
  }
}
