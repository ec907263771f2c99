import type { Decimal } from '../../domain/quantity.ts';
import { INITIAL_BYTES, KEPT_BYTES_MAX, TWO_32, type Column } from './column.ts';

/** Numbers of whole 32-bit words: what the three columns below have in common. */
export class WordColumn {
  #words = new Uint32Array(INITIAL_BYTES / 4);
  #length = 0;

  get byteLength(): number {
    return 4 * this.#length;
  }

  /** The words, from where the next value goes, with room for it. */
  protected next(count: number): { words: Uint32Array; at: number } {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#words.length) {
      const larger = new Uint32Array(Math.max(2 * this.#words.length, this.#length));
      larger.set(this.#words);
      this.#words = larger;
    }
    return { words: this.#words, at };
  }

  protected get filled(): Uint32Array {
    return this.#words.subarray(0, this.#length);
  }

  /** Adds so many words as they are in `bytes`; answers where they end. */
  protected addWords(bytes: Uint8Array, start: number, count: number): number {
    const end = start + 4 * count;
    const { words, at } = this.next(count);
    new Uint8Array(words.buffer).set(bytes.subarray(start, end), 4 * at);
    return end;
  }

  writeTo(out: Uint8Array, at: number): number {
    out.set(new Uint8Array(this.#words.buffer, 0, this.byteLength), at);
    return at + this.byteLength;
  }

  clear(): void {
    this.#length = 0;
    if (this.#words.byteLength > KEPT_BYTES_MAX) this.#words = new Uint32Array(INITIAL_BYTES / 4);
  }
}

/** `UInt64` and what ClickHouse lays out the same, such as `DateTime64(3)`: safe integers from 0 up. */
export class IntegerColumn extends WordColumn implements Column {
  readonly type: string;

  constructor(type: string) {
    super();
    this.type = type;
  }

  add(value: number): void {
    const { words, at } = this.next(2);
    words[at] = value;
    words[at + 1] = value / TWO_32;
  }

  addWritten(bytes: Uint8Array, at: number, rows: number): number {
    return this.addWords(bytes, at, 2 * rows);
  }

  sum(): bigint {
    return sumOfWords(this.filled, 2);
  }
}

/** `Decimal(38, 12)`: the units of 1e-12 as a 128-bit two's complement. */
export class DecimalColumn extends WordColumn implements Column {
  readonly type = 'Decimal(38, 12)';

  add(value: Decimal): void {
    const { words, at } = this.next(4);
    writeUnits(value, words, at);
  }

  addWritten(bytes: Uint8Array, at: number, rows: number): number {
    return this.addWords(bytes, at, 4 * rows);
  }

  /** In units. */
  sum(): bigint {
    const words = this.filled;
    let negative = 0;
    for (let at = 3; at < words.length; at += 4) negative += words[at]! >>> 31;
    return sumOfWords(words, 4) - (BigInt(negative) << 128n);
  }
}

/** The sum of numbers of `width` words each, lowest word first; by columns, which stay exact up to two million rows. */
function sumOfWords(words: Uint32Array, width: number): bigint {
  let sum = 0n;
  for (let place = width - 1; place >= 0; place -= 1) {
    let column = 0;
    for (let at = place; at < words.length; at += width) column += words[at]!;
    sum = (sum << 32n) + BigInt(column);
  }
  return sum;
}

/** 10^12 and `whole` are cut into parts whose products are exact: all below 2^50. */
const ONE_LOW = 10 ** 12 % 2 ** 20;
const ONE_HIGH = Math.floor(10 ** 12 / 2 ** 20);

function writeUnits({ negative, whole, fraction }: Decimal, words: Uint32Array, at: number): void {
  const wholeLow = whole % 2 ** 25;
  const wholeHigh = Math.floor(whole / 2 ** 25);
  const by20 = wholeLow * ONE_HIGH; // counts 2^20 each
  const by25 = wholeHigh * ONE_LOW; // 2^25
  const by45 = wholeHigh * ONE_HIGH; // 2^45
  const low =
    wholeLow * ONE_LOW + fraction + (by20 % 2 ** 12) * 2 ** 20 + (by25 % 2 ** 7) * 2 ** 25;
  const middle =
    Math.floor(low / TWO_32) +
    Math.floor(by20 / 2 ** 12) +
    Math.floor(by25 / 2 ** 7) +
    (by45 % 2 ** 19) * 2 ** 13;
  words[at] = low % TWO_32;
  words[at + 1] = middle % TWO_32;
  words[at + 2] = Math.floor(middle / TWO_32) + Math.floor(by45 / 2 ** 19);
  words[at + 3] = 0;
  if (negative) negate(words, at);
}

function negate(words: Uint32Array, at: number): void {
  let carry = 1;
  for (let i = at; i < at + 4; i += 1) {
    const word = (~words[i]! >>> 0) + carry;
    words[i] = word;
    carry = word > 0xffff_ffff ? 1 : 0;
  }
}
