import { bytesOf, type BlockRows, type EventsFormat } from '../journal.ts';
import type { Totals } from '../totals.ts';

/** Some two seconds at full speed. What is older is read from the file. */
const BYTES_MAX = 64 * 1024 * 1024;

/** Totals are undefined of blocks of earlier versions. */
export type RecentBlock = BlockRows & {
  readonly id: number;
  readonly lastSequence: number;
  readonly totals: Totals | undefined;
};

/** A block as it is in the file. */
export type StoredBlock = Omit<RecentBlock, 'totals'> & {
  readonly eventsFormat: EventsFormat;
  readonly totals: string | null;
  readonly crc: number | null;
};

/**
 * The blocks that were committed last, in memory: a flush mostly takes what has just come, and to read 25 MB of it back
 * from the file kept commits waiting for 60 ms. A cache: what is here is on disk.
 */
export class RecentBlocks {
  readonly #blocks = new Map<number, RecentBlock>();
  #bytes = 0;

  add(block: RecentBlock): void {
    this.#blocks.set(block.id, block);
    this.#bytes += bytesOf(block);
    for (const [oldest] of this.#blocks) {
      if (this.#bytes <= BYTES_MAX) break;
      this.#drop(oldest);
    }
  }

  /** The blocks with all ids from `first` to `last`; undefined when one of them is not here. */
  find(first: number, last: number): readonly RecentBlock[] | undefined {
    const found: RecentBlock[] = [];
    for (let id = first; id <= last; id += 1) {
      const block = this.#blocks.get(id);
      if (block === undefined) return undefined;
      found.push(block);
    }
    return found;
  }

  dropThrough(last: number): void {
    for (const id of this.#blocks.keys()) {
      if (id > last) break;
      this.#drop(id);
    }
  }

  #drop(id: number): void {
    const block = this.#blocks.get(id);
    this.#blocks.delete(id);
    if (block !== undefined) this.#bytes -= bytesOf(block);
  }
}
