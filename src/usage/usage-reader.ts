import type { EventSearcher } from './event-search.ts';
import type { StoredEvent, SummaryQuery, SummaryRow, UsageStore } from './usage-store.ts';

/**
 * The usage store behind the read barrier: every read counts all that was acknowledged before it was asked
 * for (P3). Whoever reads for a client reads through this.
 */
export class UsageReader {
  readonly #store: UsageStore;
  readonly #settled: () => Promise<number>;

  /** `settled` resolves when all that was acknowledged is in the store: everything up to the sequence it answers. */
  constructor(store: UsageStore, settled: () => Promise<number>) {
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

  /**
   * For searches in more than one step: the searcher, and the sequence up to which it has everything. What is
   * after it may be there in part.
   */
  async search(): Promise<{ readonly searcher: EventSearcher; readonly upTo: number }> {
    const upTo = await this.#settled();
    return { searcher: this.#store.search, upTo };
  }
}
