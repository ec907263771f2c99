import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { mayHave } from './bloom-filter.ts';
import { Page, PAGE_BYTES } from './page.ts';
import { NONE, periodAt, RECORD_WORDS, writeRecord } from './record.ts';
import { DamagedRunError, readAll, readMemory, type RunMemory } from './run-file.ts';

/** How many records of each period a run has. */
export type Periods = readonly (readonly [period: number, entries: number])[];

/** What the manifest says of a run. */
export type RunEntry = {
  readonly file: string;
  readonly entries: number;
  readonly periods: Periods;
};

export type WrittenRun = { readonly entry: RunEntry; readonly memory: RunMemory };

/** A run that is asked. */
export class Run {
  readonly entry: RunEntry;
  readonly memory: RunMemory;
  /** The value of the record that `find` found last; 0 in a run without values. */
  foundValue = 0;
  readonly #path: string;
  readonly #fd: number;
  readonly #probe = new Int32Array(RECORD_WORDS);

  private constructor(path: string, entry: RunEntry, fd: number, memory: RunMemory) {
    this.entry = entry;
    this.memory = memory;
    this.#path = path;
    this.#fd = fd;
  }

  /** Reads filter and index. Throws when the run is not there, or is not the one that the manifest names. */
  static open(folder: string, entry: RunEntry): Run {
    const path = join(folder, entry.file);
    const fd = openSync(path, 'r');
    try {
      const memory = readMemory(fd, path);
      if (memory.shape.entries === entry.entries) return new Run(path, entry, fd, memory);
      throw new DamagedRunError(path, 'it is another one');
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** A run that the worker has just written, with what it has in memory. */
  static of(folder: string, { entry, memory }: WrittenRun): Run {
    const path = join(folder, entry.file);
    return new Run(path, entry, openSync(path, 'r'), memory);
  }

  get bytes(): number {
    return this.memory.filter.byteLength + this.memory.index.byteLength;
  }

  /**
   * The period of this hash, with its value in `foundValue`; NONE when it is absent. One page is read if it is
   * there, into `page`, and in 2 of 1,000 cases if it is not. Throws DamagedRunError when that is not whole.
   */
  find(hash: Uint32Array, page: Page): number {
    const { filter, index } = this.memory;
    const word0 = hash[0]!;
    if (!mayHave(filter, word0, hash[1]!, hash[2]!)) return NONE;
    writeRecord(this.#probe, 0, hash, 0);
    // Records with one word 0 may go on over the end of a page.
    for (let number = firstPage(index, word0); index[number]! <= word0; number += 1) {
      this.#read(page, number);
      const place = page.placeOf(hash, this.#probe);
      if (place === -1) continue;
      this.foundValue = this.memory.shape.values ? page.values[place]! : 0;
      return periodAt(page.words, place * RECORD_WORDS);
    }
    return NONE;
  }

  #read(page: Page, number: number): void {
    readAll(this.#fd, page.bytes, number * PAGE_BYTES, this.#path);
    if (!page.isWhole(number)) throw new DamagedRunError(this.#path, `page ${number}`);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** The last page that begins before this word; the first one when none does. */
function firstPage(index: Uint32Array, word0: number): number {
  let low = 0;
  let high = index.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (index[middle]! < word0) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
