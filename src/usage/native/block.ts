import { writeVarint, type Column } from './column.ts';

/**
 * One block of ClickHouse's `Native` format: how many columns and rows, then each column's name, type and values. A file
 * of several such blocks, one after the other, is a valid insert, so blocks need no rewriting to go together.
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

/** Names and types are ours, short and ASCII. */
function lengthAndText(text: string): string {
  return String.fromCharCode(text.length) + text;
}
