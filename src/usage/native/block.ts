import assert from 'node:assert/strict';
import { readVarint, writeVarint, type Column } from './column.ts';

/**
 * One block of ClickHouse's `Native` format: how many columns and rows, then each column's name, type and values. A file
 * of several such blocks, one after the other, is a valid insert.
 *
 * The bytes are in an ArrayBuffer of their own, so they can be handed to another thread without a copy.
 */
export function toNativeBlock(
  columns: Readonly<Record<string, Column>>,
  rows: number,
): Uint8Array<ArrayBuffer> {
  const named = Object.entries(columns);
  const headers = named.map(([name, { type }]) =>
    Buffer.from(lengthAndText(name) + lengthAndText(type)),
  );
  const front = Buffer.alloc(10);
  const frontEnd = writeVarint(front, writeVarint(front, 0, named.length), rows);
  const bodyBytes = named.reduce((sum, [, column]) => sum + column.byteLength, 0);
  const headerBytes = headers.reduce((sum, header) => sum + header.length, 0);
  const out = Buffer.allocUnsafeSlow(frontEnd + headerBytes + bodyBytes);
  out.set(front.subarray(0, frontEnd));
  let at = frontEnd;
  named.forEach(([, column], index) => {
    const header = headers[index]!;
    out.set(header, at);
    at = column.writeTo(out, at + header.length);
  });
  return out;
}

/** How many rows the block has that begins here. */
export function rowsOfBlock(bytes: Uint8Array): number {
  return readVarint(bytes, readVarint(bytes, 0).end).value;
}

/**
 * Adds the rows of a block that begins at `start`; answers how many there are, and where it ends. Throws for a block of
 * other columns and for one that is cut off; then a part of the rows was added.
 */
export function addNativeBlock(
  columns: Readonly<Record<string, Column>>,
  bytes: Uint8Array,
  start: number,
): { readonly rows: number; readonly end: number } {
  const count = readVarint(bytes, start);
  const { value: rows, end } = readVarint(bytes, count.end);
  const named = Object.entries(columns);
  assert.equal(count.value, named.length, 'a block of other columns');
  let at = end;
  for (const [name, column] of named) {
    const header = lengthAndText(name) + lengthAndText(column.type);
    const found = Buffer.from(bytes.buffer, bytes.byteOffset + at, header.length);
    assert.equal(found.toString('latin1'), header, 'a block of other columns');
    at = column.addWritten(bytes, at + header.length, rows);
    if (at > bytes.length) throw new RangeError('The block is cut off.');
  }
  return { rows, end: at };
}

/** Names and types are ours, short and ASCII. */
function lengthAndText(text: string): string {
  return String.fromCharCode(text.length) + text;
}
