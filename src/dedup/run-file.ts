/**
 * A run on disk: pages of sorted records, a filter over all of them, an index with the first word of each page,
 * a footer. It is written once and never changed. What a run has in memory are filter and index.
 */
import { fstatSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { PAGE_BYTES } from './page.ts';

/** 'TXRN', then the version of the format: a machine of the other byte order reads something else. */
const MAGIC = 0x4e_52_58_54;
const VERSION = 1;
const FOOTER_WORDS = 16;
export const FOOTER_BYTES = 4 * FOOTER_WORDS;

export type RunShape = {
  readonly values: boolean;
  readonly entries: number;
  readonly pages: number;
};

/** A run as it is in memory. */
export type RunMemory = {
  readonly shape: RunShape;
  readonly filter: Int32Array<ArrayBuffer>;
  /** The first word of each page. */
  readonly index: Uint32Array<ArrayBuffer>;
};

type Footer = {
  readonly shape: RunShape;
  readonly filterLength: number;
  readonly filterCrc: number;
  readonly indexCrc: number;
};

/** Something of a run is not as it was written. Whoever gets it has to stop: the run cannot be asked (P9). */
export class DamagedRunError extends Error {
  override readonly name = 'DamagedRunError';
  constructor(path: string, what: string) {
    super(`${path} is damaged: ${what}. Delete its folder; it is made again on the next start.`);
  }
}

export function toFooter({ shape, filter, index }: RunMemory): Uint8Array {
  const { values, entries, pages } = shape;
  const words = new Uint32Array(FOOTER_WORDS);
  words.set([MAGIC, VERSION, Number(values), entries, pages, filter.byteLength]);
  words.set([crc32(bytesOf(filter)), crc32(bytesOf(index))], 6);
  words[FOOTER_WORDS - 1] = crc32(bytesOf(words.subarray(0, FOOTER_WORDS - 1)));
  return bytesOf(words);
}

/** Throws DamagedRunError when the footer is not what was written, or not of a file of this length. */
export function readFooter(fd: number, path: string): Footer {
  const words = new Uint32Array(FOOTER_WORDS);
  const at = fstatSync(fd).size - FOOTER_BYTES;
  if (at < 0) throw new DamagedRunError(path, 'it is too short');
  readAll(fd, bytesOf(words), at, path);
  const [magic, version, values, entries, pages, filterLength, filterCrc, indexCrc] = [
    ...words,
  ] as [number, number, number, number, number, number, number, number];
  const isWhole =
    crc32(bytesOf(words.subarray(0, FOOTER_WORDS - 1))) === words[FOOTER_WORDS - 1] &&
    magic === MAGIC &&
    version === VERSION &&
    at === pages * PAGE_BYTES + filterLength + 4 * pages;
  if (!isWhole) throw new DamagedRunError(path, 'the footer');
  return { shape: { values: values === 1, entries, pages }, filterLength, filterCrc, indexCrc };
}

/** Reads filter and index. Throws DamagedRunError when they are not what was written. */
export function readMemory(fd: number, path: string): RunMemory {
  const { shape, filterLength, filterCrc, indexCrc } = readFooter(fd, path);
  const filter = new Int32Array(filterLength / 4);
  readAll(fd, bytesOf(filter), shape.pages * PAGE_BYTES, path);
  if (crc32(bytesOf(filter)) !== filterCrc) throw new DamagedRunError(path, 'the filter');
  const index = new Uint32Array(shape.pages);
  readAll(fd, bytesOf(index), shape.pages * PAGE_BYTES + filterLength, path);
  if (crc32(bytesOf(index)) !== indexCrc) throw new DamagedRunError(path, 'the index');
  return { shape, filter, index };
}

/** Reads until the bytes are full; DamagedRunError when the file ends before. */
export function readAll(fd: number, bytes: Uint8Array, at: number, path: string): void {
  for (let done = 0; done < bytes.length;) {
    const read = readSync(fd, bytes, done, bytes.length - done, at + done);
    if (read === 0) throw new DamagedRunError(path, 'it is too short');
    done += read;
  }
}

export function bytesOf(view: Int32Array | Uint32Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
