import { EventColumns } from '../event-columns.ts';
import { rowsOfBlock } from '../native/block.ts';

/** From here on a block is read as fast as any. */
const ROWS_MIN = 500;

/**
 * Blocks of events as the engine reads them best: small ones are made one. Each block costs it some 100 µs, whatever is in
 * it, which is more than all else for a thousand commits of ten events. Blocks are mostly as large as the first.
 */
export class BlockJoiner {
  /** Used again, so that joining allocates little. */
  #columns = new EventColumns();

  /** `blocks`: one after the other. The rows stay in their order. What is not of these columns is left to the engine. */
  join(blocks: Uint8Array): Uint8Array {
    if (blocks.length === 0) return blocks;
    try {
      if (rowsOfBlock(blocks) >= ROWS_MIN) return blocks;
      this.#columns.addBlocks(blocks);
      return this.#columns.take();
    } catch {
      // It holds a part of them.
      this.#columns = new EventColumns();
      return blocks;
    }
  }
}
