import { writeSync } from 'node:fs';
import { writeDurably } from '../lib/files/durable-file.ts';
import { addToFilter, filterBytes } from './bloom-filter.ts';
import { Page, PAGE_BYTES, recordsPerPage } from './page.ts';
import { compareRecords, copyRecord, periodAt, RECORD_WORDS } from './record.ts';
import { bytesOf, toFooter, type RunMemory } from './run-file.ts';
import type { WrittenRun } from './sorted-run.ts';
import type { Source } from './merge-sources.ts';

/** Pages that are written at once. */
const PAGES_AT_ONCE = 256;

export type RunOrder = {
  readonly folder: string;
  readonly file: string;
  readonly values: boolean;
  /** How many records there will be at most: what the filter is made for. */
  readonly entriesMax: number;
  /** Records of earlier periods are left out. */
  readonly oldestPeriod: number;
};

/**
 * Writes the records of all sources as one run, durably. Of records with one hash it keeps that of the first
 * source, which has to be the newest: a hash is added anew only when what an older place has is forgotten.
 */
export function writeRun(order: RunOrder, sources: readonly Source[]): WrittenRun {
  let memory: RunMemory | undefined;
  const periods = new Map<number, number>();
  writeDurably(order.folder, order.file, (fd) => {
    const pages = new Pages(fd, order);
    forEachInOrder(sources, ({ words, at, value }) => {
      const period = periodAt(words, at);
      if (period < order.oldestPeriod) return;
      periods.set(period, (periods.get(period) ?? 0) + 1);
      pages.add(words, at, value);
    });
    memory = pages.finish();
    const { filter, index } = memory;
    for (const part of [bytesOf(filter), bytesOf(index), toFooter(memory)]) writeAll(fd, part);
  });
  const { entries } = memory!.shape;
  return { entry: { file: order.file, entries, periods: [...periods] }, memory: memory! };
}

/** Visits each source at each of its records, the least hash first, and one hash once. */
function forEachInOrder(sources: readonly Source[], visit: (source: Source) => void): void {
  const open = sources.filter((source) => source.next());
  const last = new Int32Array(RECORD_WORDS);
  let hasLast = false;
  while (open.length > 0) {
    let least = open[0]!;
    for (let i = 1; i < open.length; i += 1) {
      const other = open[i]!;
      if (compareRecords(other.words, other.at, least.words, least.at) < 0) least = other;
    }
    if (!hasLast || compareRecords(least.words, least.at, last, 0) !== 0) {
      copyRecord(least.words, least.at, last, 0);
      hasLast = true;
      visit(least);
    }
    if (!least.next()) open.splice(open.indexOf(least), 1);
  }
}

/** The pages of a run, written as they fill, and what the run will have in memory. */
class Pages {
  readonly #fd: number;
  readonly #values: boolean;
  readonly #recordsPerPage: number;
  readonly #filter: Int32Array<ArrayBuffer>;
  readonly #index: number[] = [];
  readonly #buffer = new Uint8Array(new ArrayBuffer(PAGES_AT_ONCE * PAGE_BYTES));
  readonly #pages: readonly Page[];
  #page: Page;
  #place = 0;
  #entries = 0;

  constructor(fd: number, { values, entriesMax }: RunOrder) {
    this.#fd = fd;
    this.#values = values;
    this.#recordsPerPage = recordsPerPage(values);
    this.#filter = new Int32Array(filterBytes(entriesMax) / 4);
    const { buffer } = this.#buffer;
    this.#pages = Array.from({ length: PAGES_AT_ONCE }, (_, i) => new Page(buffer, i * PAGE_BYTES));
    this.#page = this.#pages[0]!;
  }

  add(words: Int32Array, at: number, value: number): void {
    if (this.#place === this.#recordsPerPage) this.#turn();
    if (this.#place === 0) this.#index.push(words[at]! >>> 0);
    copyRecord(words, at, this.#page.words, this.#place * RECORD_WORDS);
    if (this.#values) this.#page.values[this.#place] = value;
    addToFilter(this.#filter, words[at]!, words[at + 1]!, words[at + 2]!);
    this.#place += 1;
    this.#entries += 1;
  }

  finish(): RunMemory {
    if (this.#place > 0) this.#turn();
    const pages = this.#index.length;
    writeAll(this.#fd, this.#buffer.subarray(0, (pages % PAGES_AT_ONCE) * PAGE_BYTES));
    const shape = { values: this.#values, entries: this.#entries, pages };
    return { shape, filter: this.#filter, index: Uint32Array.from(this.#index) };
  }

  #turn(): void {
    const number = this.#index.length - 1;
    this.#page.finish(this.#place, number);
    const next = (number + 1) % PAGES_AT_ONCE;
    if (next === 0) {
      writeAll(this.#fd, this.#buffer);
      this.#buffer.fill(0);
    }
    this.#page = this.#pages[next]!;
    this.#place = 0;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}
