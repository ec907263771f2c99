/**
 * A keyed 128-bit hash of strings for the table of identifiers: Chaskey-12, a published MAC of 32-bit
 * additions, rotations and exclusive ors (Mouha et al., SAC 2014; ISO/IEC 29192-6).
 *
 * What is claimed: who does not know the key cannot find two texts with the same hash other than by chance
 * (2^-104 a pair: of a hash 104 bits are kept). So no sender can make an identifier that passes for another one,
 * or pile entries onto one place of the table. Nothing is claimed against who can read the data folder; it
 * takes time by the length of the text, and no hash should leave the process.
 *
 * Hashed are the UTF-16 code units, lone surrogates included. The message is [seed, 2 × length + wide, units,
 * zeros] in 32-bit words: 4 units a word when all are below 256, else (wide) 2. The length in front tells the
 * zeros at the end from units, so different texts are different messages, always of whole blocks; of
 * Chaskey's two subkeys only the one for a whole last block is used.
 */
const ROUNDS = 12;
const BLOCK_WORDS = 4;
const HEADER_WORDS = 2;

export class KeyedHash {
  readonly #keys: Int32Array;
  /** The message of the current call, here so that a call allocates nothing. */
  #message = new Int32Array(32 * BLOCK_WORDS);

  /** `key` is 4 words from a source of real randomness, and a secret. It is copied. */
  constructor(key: Uint32Array) {
    this.#keys = expandKey(key);
  }

  /**
   * Writes the 4 words of the text's hash to `out`. The same text under another `seed` (32 bits, say the
   * number of a namespace) has an unrelated hash. Allocates only when a text is longer than any before.
   */
  hash(text: string, seed: number, out: Uint32Array): void {
    const message = this.#messageFor(text.length, seed);
    let end = writeNarrow(text, message);
    if (end === 'wide') end = writeWide(text, message);
    this.#hashMessage(end, out);
  }

  /**
   * The same hash for a text that is there as ASCII: `length` bytes from `start`. False, and `out` as it was,
   * when one of them is not ASCII.
   */
  hashBytes(
    bytes: Uint8Array,
    start: number,
    length: number,
    seed: number,
    out: Uint32Array,
  ): boolean {
    const end = writeAscii(bytes, start, length, this.#messageFor(length, seed));
    if (end === 'not ASCII') return false;
    this.#hashMessage(end, out);
    return true;
  }

  /** Room for a text of this length, and its seed in front. */
  #messageFor(length: number, seed: number): Int32Array {
    const wordsMax = HEADER_WORDS + Math.ceil(length / 2) + BLOCK_WORDS;
    if (wordsMax > this.#message.length) this.#message = new Int32Array(2 * wordsMax);
    this.#message[0] = seed;
    return this.#message;
  }

  #hashMessage(length: number, out: Uint32Array): void {
    let end = length;
    while (end % BLOCK_WORDS !== 0) this.#message[end++] = 0;
    chaskey(this.#keys, this.#message, end, out);
  }
}

/** What tells ASCII from the rest, in each of the 4 bytes of a word. */
const NOT_ASCII = 0x80808080 | 0;

/** As writeNarrow, from bytes; 'not ASCII' when one of them is over 127. */
function writeAscii(
  bytes: Uint8Array,
  start: number,
  length: number,
  message: Int32Array,
): number | 'not ASCII' {
  message[1] = length << 1;
  const stop = start + length;
  let all = 0;
  let at = start;
  let end = HEADER_WORDS;
  for (; at + 4 <= stop; at += 4) {
    const word =
      bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    all |= word;
    message[end++] = word;
  }
  if (at < stop) {
    let word = 0;
    for (let shift = 0; at < stop; at += 1, shift += 8) word |= bytes[at]! << shift;
    all |= word;
    message[end++] = word;
  }
  return (all & NOT_ASCII) === 0 ? end : 'not ASCII';
}

/** Writes length and units, 4 a word, and tells where they end; 'wide' when one of them is over 255. */
function writeNarrow(text: string, message: Int32Array): number | 'wide' {
  const length = text.length;
  message[1] = length << 1;
  let all = 0;
  let at = 0;
  let end = HEADER_WORDS;
  for (; at + 4 <= length; at += 4) {
    const a = text.charCodeAt(at);
    const b = text.charCodeAt(at + 1);
    const c = text.charCodeAt(at + 2);
    const d = text.charCodeAt(at + 3);
    all |= a | b | c | d;
    message[end++] = a | (b << 8) | (c << 16) | (d << 24);
  }
  if (at < length) {
    let word = 0;
    for (let shift = 0; at < length; at += 1, shift += 8) {
      const unit = text.charCodeAt(at);
      all |= unit;
      word |= unit << shift;
    }
    message[end++] = word;
  }
  return all < 256 ? end : 'wide';
}

/** Writes length and units, 2 a word, and tells where they end. */
function writeWide(text: string, message: Int32Array): number {
  message[1] = (text.length << 1) | 1;
  let end = HEADER_WORDS;
  for (let at = 0; at < text.length; at += 2) {
    // Past the end charCodeAt is NaN, which is 0 here.
    message[end++] = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16);
  }
  return end;
}

/** Chaskey's key K, then its subkey K1: K doubled in GF(2^128). */
export function expandKey(key: Uint32Array): Int32Array {
  if (key.length !== 4) throw new RangeError('A key has 4 words.');
  const keys = new Int32Array(8);
  keys.set(key);
  let carry = key[3]! >>> 31 === 1 ? 0x87 : 0;
  for (let i = 0; i < 4; i += 1) {
    keys[4 + i] = (key[i]! << 1) ^ carry;
    carry = key[i]! >>> 31;
  }
  return keys;
}

/** Chaskey-12 of the first `length` words of the message, a positive multiple of 4. */
export function chaskey(
  keys: Int32Array,
  message: Int32Array,
  length: number,
  out: Uint32Array,
): void {
  let a = keys[0]!;
  let b = keys[1]!;
  let c = keys[2]!;
  let d = keys[3]!;
  for (let at = 0; at < length; at += BLOCK_WORDS) {
    a ^= message[at]!;
    b ^= message[at + 1]!;
    c ^= message[at + 2]!;
    d ^= message[at + 3]!;
    if (at + BLOCK_WORDS === length) {
      a ^= keys[4]!;
      b ^= keys[5]!;
      c ^= keys[6]!;
      d ^= keys[7]!;
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      a = (a + b) | 0;
      b = rotate(b, 5) ^ a;
      a = rotate(a, 16);
      c = (c + d) | 0;
      d = rotate(d, 8) ^ c;
      a = (a + d) | 0;
      d = rotate(d, 13) ^ a;
      c = (c + b) | 0;
      b = rotate(b, 7) ^ c;
      c = rotate(c, 16);
    }
  }
  out[0] = a ^ keys[4]!;
  out[1] = b ^ keys[5]!;
  out[2] = c ^ keys[6]!;
  out[3] = d ^ keys[7]!;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
