import { bytesOf, type BlockRows } from '../journal.ts';

type Rows = Pick<BlockRows, 'events' | 'cancellations' | 'rejections'>;

/**
 * Where the rows of the open plan are: shared memory, which other threads see without a copy, and used again for
 * the next plan. As garbage, tens of megabytes a second of it would keep the collectors of both threads busy (3 % of
 * the main thread's time), or not be noticed by them and stay.
 */
export class PlanMemory {
  #bytes = new Uint8Array(new SharedArrayBuffer(0));

  /** The rows of these blocks, each kind one after the other; until the next call. */
  put(blocks: readonly Rows[]): Rows {
    const length = blocks.reduce((sum, block) => sum + bytesOf(block), 0);
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(new SharedArrayBuffer(length));
    let at = 0;
    const gather = (kind: keyof Rows): Uint8Array => {
      const start = at;
      for (const block of blocks) {
        this.#bytes.set(block[kind], at);
        at += block[kind].length;
      }
      return this.#bytes.subarray(start, at);
    };
    return {
      events: gather('events'),
      cancellations: gather('cancellations'),
      rejections: gather('rejections'),
    };
  }
}
