import type { StoredEvent, SummaryQuery, SummaryRow, UsageStore } from './usage-store.ts';

/**
 * The usage store behind the read barrier: every read counts all that was acknowledged before it was asked
 * for (P3). Whoever reads for a client reads through this.
 */
export class UsageReader {
  readonly #store: UsageStore;
  readonly #settled: () => Promise<void>;

  constructor(store: UsageStore, settled: () => Promise<void>) {
    this.#store = store;
    this.#settled = settled;
  }

  async summarize(query: SummaryQuery): Promise<readonly SummaryRow[]> {
    await this.#settled();
    return await this.#store.summarize(query);
  }

  async findEvent(...args: Parameters<UsageStore['findEvent']>): Promise<StoredEvent | undefined> {
    await this.#settled();
    return await this.#store.findEvent(...args);
  }
}
