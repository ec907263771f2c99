/**
 * A blocked Bloom filter: says of a hash that it is surely not in a run, or that it may be. A block is 64 bytes,
 * one line of the processor's cache, and a hash sets and tests bits of one block only.
 *
 * Blocks are in the order of the hashes, by word 0, so that filling one from sorted records walks it once; the
 * bits within a block are from the words after it. With 15 bits a hash, 2 of 1,000 absent ones may be.
 */
const BLOCK_WORDS = 16;
const BLOCK_BYTES = 4 * BLOCK_WORDS;
/** 15.06 bits a hash: with the index of the pages less than 2 bytes. */
const HASHES_PER_BLOCK = 34;

/** The size of a filter for so many hashes. */
export function filterBytes(hashes: number): number {
  return BLOCK_BYTES * Math.max(1, Math.ceil(hashes / HASHES_PER_BLOCK));
}

/** The words are as in a record; `filter` is as long as `filterBytes` says. */
export function addToFilter(filter: Int32Array, word0: number, word1: number, word2: number): void {
  const block = blockOf(filter, word0);
  for (let shift = 0; shift < 27; shift += 9) {
    setBit(filter, block, word1 >>> shift);
    setBit(filter, block, word2 >>> shift);
  }
  setBit(filter, block, leftOver(word1, word2));
}

/** False only for a hash that was not added. */
export function mayHave(filter: Int32Array, word0: number, word1: number, word2: number): boolean {
  const block = blockOf(filter, word0);
  return (
    hasBit(filter, block, word1) &&
    hasBit(filter, block, word2) &&
    hasBit(filter, block, word1 >>> 9) &&
    hasBit(filter, block, word2 >>> 9) &&
    hasBit(filter, block, word1 >>> 18) &&
    hasBit(filter, block, word2 >>> 18) &&
    hasBit(filter, block, leftOver(word1, word2))
  );
}

function blockOf(filter: Int32Array, word0: number): number {
  const blocks = filter.length / BLOCK_WORDS;
  return Math.floor((word0 >>> 0) * blocks * 2 ** -32) * BLOCK_WORDS;
}

/** The bits of both words that no shift above has used: 5 and 4. */
function leftOver(word1: number, word2: number): number {
  return (word1 >>> 27) | ((word2 >>> 28) << 5);
}

/** The bit's number is the low 9 bits. */
function setBit(filter: Int32Array, block: number, bit: number): void {
  filter[block + ((bit >>> 5) & 15)]! |= 1 << (bit & 31);
}

function hasBit(filter: Int32Array, block: number, bit: number): boolean {
  return ((filter[block + ((bit >>> 5) & 15)]! >>> (bit & 31)) & 1) === 1;
}
