/**
 * A record is a hash and the period (a day, an hour: any count from 0) it was added in, in 4 words: 104 bits of
 * hash in words 0 to 2 and the top byte of word 3, then a tag of 24 bits, which is 1 + the period, and 0 where
 * there is no record. In memory and on disk it looks the same, in the byte order of the machine.
 *
 * Two different identifiers of a trillion share 104 bits of hash at odds of 10^-8; 24 bits count hours to the
 * year 3883, so that a tag is the period itself, whatever the clock does.
 */
export const RECORD_WORDS = 4;
export const RECORD_BYTES = 16;
const TAG_MASK = 0xff_ffff;
export const PERIOD_MAX = TAG_MASK - 1;

/** The period of what is not there: before every other one. */
export const NONE = -1;

/** The period of the record at this word; NONE where there is none. */
export function periodAt(words: Int32Array, at: number): number {
  return (words[at + 3]! & TAG_MASK) - 1;
}

export function isRecord(words: Int32Array, at: number): boolean {
  return (words[at + 3]! & TAG_MASK) !== 0;
}

/** Whether the record at this word is of this hash. */
export function isOf(words: Int32Array, at: number, hash: Uint32Array): boolean {
  return (
    words[at] === (hash[0]! | 0) &&
    words[at + 1] === (hash[1]! | 0) &&
    words[at + 2] === (hash[2]! | 0) &&
    words[at + 3]! >>> 24 === hash[3]! >>> 24
  );
}

export function writeRecord(
  words: Int32Array,
  at: number,
  hash: Uint32Array,
  period: number,
): void {
  words[at] = hash[0]!;
  words[at + 1] = hash[1]!;
  words[at + 2] = hash[2]!;
  words[at + 3] = (hash[3]! & ~TAG_MASK) | (period + 1);
}

export function copyRecord(from: Int32Array, at: number, to: Int32Array, toAt: number): void {
  to[toAt] = from[at]!;
  to[toAt + 1] = from[at + 1]!;
  to[toAt + 2] = from[at + 2]!;
  to[toAt + 3] = from[at + 3]!;
}

/** The order of hashes: negative, 0 or positive. Words count as unsigned, the first one most. */
export function compareRecords(a: Int32Array, at: number, b: Int32Array, bAt: number): number {
  if (a[at] !== b[bAt]) return (a[at]! >>> 0) - (b[bAt]! >>> 0);
  if (a[at + 1] !== b[bAt + 1]) return (a[at + 1]! >>> 0) - (b[bAt + 1]! >>> 0);
  if (a[at + 2] !== b[bAt + 2]) return (a[at + 2]! >>> 0) - (b[bAt + 2]! >>> 0);
  return (a[at + 3]! >>> 24) - (b[bAt + 3]! >>> 24);
}
