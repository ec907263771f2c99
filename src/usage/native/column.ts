/**
 * Columns in the making, in the layout of ClickHouse's `Native` format (its docs: interfaces/formats/Native, and the
 * serializations that it names): all values of one column after the other, little endian. A column is a growing
 * buffer that is used again for the next block, so adding a value allocates nothing as a rule.
 */
export type Column = {
  /** The type's name, as the block's header says it. */
  readonly type: string;
  readonly byteLength: number;
  /** Copies the bytes to `out` at `at`; answers where they end. */
  writeTo(out: Uint8Array, at: number): number;
  /** Adds the values of so many rows that `writeTo` has written to `bytes` at `at`; answers where they end. */
  addWritten(bytes: Uint8Array, at: number, rows: number): number;
  /** Empties the column for the next block. */
  clear(): void;
};

export const TWO_32 = 2 ** 32;
export const INITIAL_BYTES = 4096;
/** What a column may hold on to between blocks: one large block is no reason to keep its memory. */
export const KEPT_BYTES_MAX = 8 * 1024 * 1024;

/** A number as a UInt64; answers where it ends. */
export function writeInteger(out: Uint8Array, at: number, value: number): number {
  const view = new DataView(out.buffer, out.byteOffset);
  view.setUint32(at, value, true);
  view.setUint32(at + 4, value / TWO_32, true);
  return at + 8;
}

/** 7 bits a byte, the lowest first; answers where it ends. */
export function writeVarint(out: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 127) {
    out[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  out[at++] = rest;
  return at;
}

export type Varint = { readonly value: number; readonly end: number };

/** Throws RangeError where the bytes end before it does. */
export function readVarint(bytes: Uint8Array, start: number): Varint {
  let value = 0;
  let at = start;
  for (let weight = 1; ; weight *= 128) {
    const byte = bytes[at++];
    if (byte === undefined) throw new RangeError('The bytes end within a number.');
    value += (byte & 127) * weight;
    if (byte < 128) return { value, end: at };
  }
}

/** Of a UInt64, which is a safe integer. */
export function readInteger(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getUint32(at, true) + TWO_32 * view.getUint32(at + 4, true);
}
