import { ApiError } from '../errors.ts';
import { newSeconds, secondsSince } from '../histogram.ts';
import type { EventSearcher } from './event-search.ts';
import type { Patience, StoredEvent, SummaryQuery, SummaryRow, UsageStore } from './usage-store.ts';

/** Reads that wait or run at once. More would only wait longer, and each holds memory (P10). */
const READS_MAX = 1000;

/**
 * The usage store behind the read barrier: every read counts all that was acknowledged before it was asked
 * for (P3). Whoever reads for a client reads through this.
 *
 * A store that is slow or hangs holds nobody for longer than `readSeconds`: then, and for more reads at once than
 * READS_MAX, ApiError `unavailable` is thrown (P10).
 */
export class UsageReader {
  /** How long each kind of query took that succeeded, without the wait at the barrier. */
  readonly seconds = {
    summarize: newSeconds(),
    find_event: newSeconds(),
    find_events: newSeconds(),
    find_rejections: newSeconds(),
  };
  readonly #store: Pick<UsageStore, 'summarize' | 'findEvent' | 'search'>;
  readonly #settled: (signal: AbortSignal) => Promise<number>;
  readonly #readSeconds: number;
  #reads = 0;

  /** `settled` resolves when all that was acknowledged is in the store: everything up to the sequence it answers. */
  constructor(
    store: Pick<UsageStore, 'summarize' | 'findEvent' | 'search'>,
    settled: (signal: AbortSignal) => Promise<number>,
    readSeconds: number,
  ) {
    this.#store = store;
    this.#settled = settled;
    this.#readSeconds = readSeconds;
  }

  async summarize(query: SummaryQuery): Promise<readonly SummaryRow[]> {
    return await this.#read(
      async (patience) =>
        await this.#timed('summarize', async () => await this.#store.summarize(query, patience)),
    );
  }

  async findEvent(
    ...[namespace, meterIds, identifier]: Parameters<UsageStore['findEvent']>
  ): Promise<StoredEvent | undefined> {
    return await this.#read(
      async (patience) =>
        await this.#timed(
          'find_event',
          async () => await this.#store.findEvent(namespace, meterIds, identifier, patience),
        ),
    );
  }

  /**
   * For searches in more than one step: `ask` is given the searcher, and the sequence up to which it has everything. What
   * is after it may be there in part.
   */
  async search<T>(ask: (searcher: EventSearcher, upTo: number) => Promise<T>): Promise<T> {
    const { search } = this.#store;
    return await this.#read(async (patience, upTo) => {
      const searcher: EventSearcher = {
        findEvents: async (query) =>
          await this.#timed('find_events', async () => await search.findEvents(query, patience)),
        findRejections: async (query) =>
          await this.#timed(
            'find_rejections',
            async () => await search.findRejections(query, patience),
          ),
      };
      return await ask(searcher, upTo);
    });
  }

  async #read<T>(ask: (patience: Patience, upTo: number) => Promise<T>): Promise<T> {
    if (this.#reads >= READS_MAX) {
      throw new ApiError('unavailable', 'Too many reads wait for the usage store. Try again.');
    }
    this.#reads += 1;
    const seconds = this.#readSeconds;
    const signal = AbortSignal.timeout(seconds * 1000);
    try {
      const upTo = await this.#settled(signal);
      return await ask({ signal, seconds }, upTo);
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
      throw new ApiError('unavailable', `No answer within ${seconds} s. Try again.`);
    } finally {
      this.#reads -= 1;
    }
  }

  async #timed<T>(kind: keyof UsageReader['seconds'], query: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    const answer = await query();
    this.seconds[kind].observe(secondsSince(startMs));
    return answer;
  }
}
