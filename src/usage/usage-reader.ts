import { newSeconds, secondsSince } from '../histogram.ts';
import type { EventSearcher } from './event-search.ts';
import type { StoredEvent, SummaryQuery, SummaryRow, UsageStore } from './usage-store.ts';

/**
 * The usage store behind the read barrier: every read counts all that was acknowledged before it was asked
 * for (P3). Whoever reads for a client reads through this.
 */
export class UsageReader {
  /** How long each kind of query took that succeeded, without the wait at the barrier. */
  readonly seconds = {
    summarize: newSeconds(),
    find_event: newSeconds(),
    find_events: newSeconds(),
    find_rejections: newSeconds(),
  };
  readonly #store: UsageStore;
  readonly #settled: () => Promise<number>;
  readonly #searcher: EventSearcher;

  /** `settled` resolves when all that was acknowledged is in the store: everything up to the sequence it answers. */
  constructor(store: UsageStore, settled: () => Promise<number>) {
    this.#store = store;
    this.#settled = settled;
    const { search } = store;
    this.#searcher = {
      findEvents: async (query) =>
        await this.#timed('find_events', async () => await search.findEvents(query)),
      findRejections: async (query) =>
        await this.#timed('find_rejections', async () => await search.findRejections(query)),
    };
  }

  async summarize(query: SummaryQuery): Promise<readonly SummaryRow[]> {
    await this.#settled();
    return await this.#timed('summarize', async () => await this.#store.summarize(query));
  }

  async findEvent(...args: Parameters<UsageStore['findEvent']>): Promise<StoredEvent | undefined> {
    await this.#settled();
    return await this.#timed('find_event', async () => await this.#store.findEvent(...args));
  }

  /**
   * For searches in more than one step: the searcher, and the sequence up to which it has everything. What is
   * after it may be there in part.
   */
  async search(): Promise<{ readonly searcher: EventSearcher; readonly upTo: number }> {
    const upTo = await this.#settled();
    return { searcher: this.#searcher, upTo };
  }

  async #timed<T>(kind: keyof UsageReader['seconds'], query: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    const answer = await query();
    this.seconds[kind].observe(secondsSince(startMs));
    return answer;
  }
}
