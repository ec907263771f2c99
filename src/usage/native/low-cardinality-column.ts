import { readInteger, readVarint, writeInteger, type Column } from './column.ts';
import { WordColumn } from './number-columns.ts';
import { TextColumn } from './text-column.ts';

/** `HasAdditionalKeys` and `NeedUpdateDictionary` of ClickHouse's SerializationLowCardinality: keys come along. */
const OWN_DICTIONARY = 0x600;
/** Its only version: `SharedDictionariesWithAdditionalKeys`. */
const DICTIONARY_VERSION = 1;

/** `LowCardinality(String)`: each text once, then a small number for each row. */
export class LowCardinalityColumn extends WordColumn implements Column {
  readonly type = 'LowCardinality(String)';
  readonly #keys = new TextColumn();
  readonly #numbers = new Map<string, number>();
  #lastText: string | undefined;
  #lastNumber = 0;

  add(text: string): void {
    // One after the other, rows mostly have the same.
    if (text !== this.#lastText) {
      this.#lastNumber = this.#numberOf(text);
      this.#lastText = text;
    }
    const { words, at } = this.next(1);
    words[at] = this.#lastNumber;
  }

  #numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(text, number);
    this.#keys.add(text);
    return number;
  }

  override get byteLength(): number {
    const { length } = this.filled;
    // A column without rows has no dictionary either.
    const body = length === 0 ? 0 : 24 + this.#keys.byteLength + this.#numberBytes * length;
    return LowCardinalityColumn.PREFIX_BYTES + body;
  }

  /** Bytes of a row's number: 1, 2 or 4. */
  get #numberBytes(): 1 | 2 | 4 {
    const { size } = this.#numbers;
    if (size <= 2 ** 8) return 1;
    return size <= 2 ** 16 ? 2 : 4;
  }

  override writeTo(out: Uint8Array, at: number): number {
    return this.writeBody(out, this.writePrefix(out, at));
  }

  static readonly PREFIX_BYTES = 8;

  /** The version. Of a column within another (a map's keys) it stands before the outer one's own values. */
  writePrefix(out: Uint8Array, at: number): number {
    return writeInteger(out, at, DICTIONARY_VERSION);
  }

  writeBody(out: Uint8Array, start: number): number {
    const numbers = this.filled;
    if (numbers.length === 0) return start;
    const bytes = this.#numberBytes;
    let at = writeInteger(out, start, OWN_DICTIONARY + (bytes >>> 1));
    at = writeInteger(out, at, this.#numbers.size);
    at = this.#keys.writeTo(out, at);
    at = writeInteger(out, at, numbers.length);
    for (const number of numbers) {
      for (let i = 0; i < bytes; i += 1) out[at++] = number >>> (8 * i);
    }
    return at;
  }

  addWritten(bytes: Uint8Array, at: number, rows: number): number {
    return this.addBody(bytes, at + LowCardinalityColumn.PREFIX_BYTES, rows);
  }

  addBody(bytes: Uint8Array, start: number, rows: number): number {
    if (rows === 0) return start;
    const width = 1 << (readInteger(bytes, start) & 0xff);
    const keyCount = readInteger(bytes, start + 8);
    let at = start + 16;
    const numbers: number[] = [];
    for (let key = 0; key < keyCount; key += 1) {
      const { value: length, end } = readVarint(bytes, at);
      at = end + length;
      numbers.push(this.#numberOf(textOf(bytes.subarray(end, at))));
    }
    // How many numbers there are stands before them.
    at += 8;
    const { words, at: first } = this.next(rows);
    for (let row = 0; row < rows; row += 1) {
      let number = 0;
      for (let i = 0; i < width; i += 1) number |= bytes[at++]! << (8 * i);
      words[first + row] = numbers[number]!;
    }
    return at;
  }

  override clear(): void {
    super.clear();
    this.#keys.clear();
    this.#numbers.clear();
    this.#lastText = undefined;
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
