/**
 * Reads identifiers as the engine writes them in its Native format: blocks of columns, each with its name and
 * type (ClickHouse documentation: formats, Native). Ten million identifiers are walked on every start, so no
 * text is made of them, nor an object of each.
 */
import type { ReceivedIdentifiers } from '../usage-store.ts';

/** How Native begins each column: its name and its type. */
const IDENTIFIER = 'identifier String';
const RECEIVED_MS = 'received_ms Int64';

export type IdentifierColumns = Omit<ReceivedIdentifiers, 'namespace'>;

/**
 * The blocks that these bytes hold, which must be whole, each of a column `identifier` and a column
 * `received_ms`. Identifiers are not copied: they lie in `bytes`. Throws when it is anything else.
 */
export function* identifierBlocks(bytes: Uint8Array): Generator<IdentifierColumns> {
  const reader = new NativeReader(bytes);
  while (!reader.isAtEnd) {
    const columns = reader.varint();
    const count = reader.varint();
    if (columns === 0) continue;
    reader.expectColumn(IDENTIFIER);
    const starts = new Uint32Array(count);
    const lengths = new Uint32Array(count);
    for (let row = 0; row < count; row += 1) {
      const length = reader.varint();
      starts[row] = reader.skip(length);
      lengths[row] = length;
    }
    reader.expectColumn(RECEIVED_MS);
    const receivedAtMs = new Float64Array(count);
    for (let row = 0; row < count; row += 1) receivedAtMs[row] = reader.int64();
    yield { count, bytes, starts, lengths, receivedAtMs };
  }
}

/** Little-endian, as Native is. Every step checks that what it reads is there. */
class NativeReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** LEB128. */
  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#view.getUint8(this.#at);
      this.#at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  /** Where the next `length` bytes begin; goes on after them. */
  skip(length: number): number {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError('A block of the engine is cut.');
    return start;
  }

  /** Exact up to 2^53. */
  int64(): number {
    const start = this.skip(8);
    return this.#view.getUint32(start, true) + this.#view.getInt32(start + 4, true) * 2 ** 32;
  }

  expectColumn(column: string): void {
    const found = `${this.#text()} ${this.#text()}`;
    if (found !== column) throw new TypeError(`The engine sent ${found}, not ${column}.`);
  }

  #text(): string {
    const length = this.varint();
    const start = this.skip(length);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, length).toString();
  }
}
