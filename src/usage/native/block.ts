import { readVarint, writeVarint, type Column } from './column.ts';

/** Two varints of at most five bytes: how many columns and rows. */
const FRONT_BYTES_MAX = 10;

/**
 * Blocks of ClickHouse's `Native` format, of these columns: how many columns and rows, then each column's name, type and
 * values. A file of several such blocks, one after the other, is a valid insert.
 */
export class NativeBlocks {
  /** With what stands before its values. */
  readonly #columns: readonly { readonly column: Column; readonly header: Buffer }[];
  readonly #front = Buffer.alloc(FRONT_BYTES_MAX);

  constructor(columns: Readonly<Record<string, Column>>) {
    this.#columns = Object.entries(columns).map(([name, column]) => {
      return { column, header: Buffer.from(lengthAndText(name) + lengthAndText(column.type)) };
    });
  }

  /** What the columns hold, as one block, in an ArrayBuffer of its own: another thread can have it without a copy. */
  write(rows: number): Uint8Array<ArrayBuffer> {
    const front = this.#front;
    const frontEnd = writeVarint(front, writeVarint(front, 0, this.#columns.length), rows);
    let length = frontEnd;
    for (const { column, header } of this.#columns) length += header.length + column.byteLength;
    const out = Buffer.allocUnsafeSlow(length);
    out.set(front.subarray(0, frontEnd));
    let at = frontEnd;
    for (const { column, header } of this.#columns) {
      out.set(header, at);
      at = column.writeTo(out, at + header.length);
    }
    return out;
  }

  /**
   * Adds the rows of a block that begins at `start` to the columns; answers how many there are, and where it ends. Throws
   * for a block of other columns and for one that is cut off; then a part of the rows was added.
   */
  add(bytes: Uint8Array, start: number): { readonly rows: number; readonly end: number } {
    const count = readVarint(bytes, start);
    const { value: rows, end } = readVarint(bytes, count.end);
    if (count.value !== this.#columns.length) throw otherColumns();
    let at = end;
    for (const { column, header } of this.#columns) {
      if (header.compare(bytes, at, at + header.length) !== 0) throw otherColumns();
      at = column.addWritten(bytes, at + header.length, rows);
      if (at > bytes.length) throw new RangeError('The block is cut off.');
    }
    return { rows, end: at };
  }
}

/** How many rows the block has that begins here. */
export function rowsOfBlock(bytes: Uint8Array): number {
  return readVarint(bytes, readVarint(bytes, 0).end).value;
}

function otherColumns(): RangeError {
  return new RangeError('The block is of other columns.');
}

/** Names and types are ours, short and ASCII. */
function lengthAndText(text: string): string {
  return String.fromCharCode(text.length) + text;
}
