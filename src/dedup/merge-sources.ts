/** Records one after the other in the order of their hashes, for the worker: of a table, or of a run. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { Page, PAGE_BYTES } from './page.ts';
import { homeOf, type Shard } from './memtable.ts';
import { compareRecords, isRecord, RECORD_WORDS } from './record.ts';
import { DamagedRunError, readAll, readFooter, type RunShape } from './run-file.ts';

export type Source = {
  /** The record is at word `at` of `words`. Before the first `next` there is none. */
  readonly words: Int32Array;
  readonly at: number;
  readonly value: number;
  /** Goes on to the next record; false when there is none. */
  next(): boolean;
  close(): void;
};

/** The records of a table that nobody adds to any more. */
export class TableSource implements Source {
  words: Int32Array = new Int32Array(0);
  at = 0;
  readonly #shards: readonly Shard[];
  #shard = -1;
  /** Where the records of the current shard are, in their order. */
  #order: readonly number[] = [];
  #place = 0;

  constructor(shards: readonly Shard[]) {
    this.#shards = shards;
  }

  get value(): number {
    return this.#shards[this.#shard]!.values[this.at / RECORD_WORDS] ?? 0;
  }

  next(): boolean {
    this.#place += 1;
    while (this.#place >= this.#order.length) {
      this.#shard += 1;
      const shard = this.#shards[this.#shard];
      if (shard === undefined) return false;
      this.words = shard.slots;
      this.#order = sortedSlots(shard.slots);
      this.#place = 0;
    }
    this.at = this.#order[this.#place]!;
    return true;
  }

  close(): void {}
}

/** Nearly sorted already, but for the records that went on from the last slot to the first ones. */
function sortedSlots(slots: Int32Array): number[] {
  const order: number[] = [];
  const wrapped: number[] = [];
  for (let at = 0; at < slots.length; at += RECORD_WORDS) {
    if (!isRecord(slots, at)) continue;
    if (homeOf(slots, slots[at]!) > at) wrapped.push(at);
    else insertSorted(order, slots, at);
  }
  for (const at of wrapped) insertSorted(order, slots, at);
  return order;
}

function insertSorted(order: number[], slots: Int32Array, at: number): void {
  let place = order.length;
  order.push(at);
  for (; place > 0 && compareRecords(slots, order[place - 1]!, slots, at) > 0; place -= 1) {
    order[place] = order[place - 1]!;
  }
  order[place] = at;
}

/** Pages that are read at once. */
const PAGES_AHEAD = 256;

/** The records of a run. Throws DamagedRunError at a page that is not whole. */
export class RunSource implements Source {
  at = 0;
  readonly #path: string;
  readonly #fd: number;
  readonly #shape: RunShape;
  readonly #buffer = new Uint8Array(new ArrayBuffer(PAGES_AHEAD * PAGE_BYTES));
  readonly #pages: readonly Page[];
  #number = -1;
  #page: Page;
  #place = 0;
  #count = 0;

  constructor(folder: string, file: string) {
    this.#path = join(folder, file);
    this.#fd = openSync(this.#path, 'r');
    this.#shape = readFooter(this.#fd, this.#path).shape;
    const { buffer } = this.#buffer;
    this.#pages = Array.from({ length: PAGES_AHEAD }, (_, i) => new Page(buffer, i * PAGE_BYTES));
    this.#page = this.#pages[0]!;
  }

  get words(): Int32Array {
    return this.#page.words;
  }

  get value(): number {
    return this.#page.values[this.#place]!;
  }

  next(): boolean {
    this.#place += 1;
    if (this.#place >= this.#count) {
      this.#number += 1;
      if (this.#number === this.#shape.pages) return false;
      this.#turnTo(this.#number);
    }
    this.at = this.#place * RECORD_WORDS;
    return true;
  }

  #turnTo(number: number): void {
    if (number % PAGES_AHEAD === 0) {
      const pages = Math.min(PAGES_AHEAD, this.#shape.pages - number);
      const bytes = this.#buffer.subarray(0, pages * PAGE_BYTES);
      readAll(this.#fd, bytes, number * PAGE_BYTES, this.#path);
    }
    this.#page = this.#pages[number % PAGES_AHEAD]!;
    if (!this.#page.isWhole(number)) throw new DamagedRunError(this.#path, `page ${number}`);
    this.#count = this.#page.count;
    this.#place = 0;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
