/** Blocks that have left stay until they are this much: what the usage store should lose of them can be given to it again. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;

export type BlockSize = { readonly id: number; readonly bytes: number };

/** Which of the blocks that have left are kept: the last ones. */
export class KeptBlocks {
  readonly #blocks: BlockSize[];
  #bytes: number;

  constructor(blocks: readonly BlockSize[]) {
    this.#blocks = [...blocks];
    this.#bytes = blocks.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Keeps these, the next ones; answers the last id that has to go. */
  add(blocks: readonly BlockSize[]): number {
    for (const block of blocks) {
      this.#blocks.push(block);
      this.#bytes += block.bytes;
    }
    const excess = this.#bytes - KEPT_BYTES_MAX;
    let dropped = 0;
    let count = 0;
    while (dropped < excess) dropped += this.#blocks[count++]!.bytes;
    this.#bytes -= dropped;
    return this.#blocks.splice(0, count).at(-1)?.id ?? 0;
  }
}
