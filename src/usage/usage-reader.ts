import { ApiError } from '../domain/errors.ts';
import { newSeconds, secondsSince } from '../lib/histogram.ts';
import { accountOf, type Namespace } from '../domain/namespace.ts';
import type { EventSearcher } from './event-search.ts';
import { Shares } from './shares.ts';
import {
  ReadLimitError,
  type Patience,
  type StoredEvent,
  type SummaryQuery,
  type SummaryRow,
  type UsageStore,
} from './usage-store.ts';

/** Reads that wait or run at once. More would only wait longer, and each holds memory (P10). */
const READS_MAX = 1000;
/** Of one account. */
const READS_OF_ONE_MAX = 200;
/** Searches of one account, of which one runs: each may take seconds, and none is waited for longer than `readSeconds`. */
const SEARCHES_OF_ONE_MAX = 8;
/** What a search may take of the usage store, where a read may take longer. */
const SEARCH_SECONDS = 5;

type Store = Pick<UsageStore, 'summarize' | 'findEvent' | 'search'>;
type Ask<T> = (searcher: EventSearcher, upTo: number) => Promise<T>;

/**
 * The usage store behind the read barrier: every read counts all that was acknowledged before it was asked
 * for (P3). Whoever reads for a client reads through this.
 *
 * A store that is slow or hangs holds nobody for longer than `readSeconds`: then, and for more reads at once than
 * READS_MAX, ApiError `unavailable` is thrown (P10). An account has a share of these reads; past it, ApiError `rate_limit`.
 */
export class UsageReader {
  /** How long each kind of query took that succeeded, without the wait at the barrier. */
  readonly seconds = {
    summarize: newSeconds(),
    find_event: newSeconds(),
    find_events: newSeconds(),
    find_rejections: newSeconds(),
  };
  readonly #store: Store;
  readonly #settled: (namespace: Namespace, signal: AbortSignal) => Promise<number>;
  readonly #readSeconds: number;
  readonly #reads = new Shares(READS_MAX, READS_OF_ONE_MAX);
  readonly #searches = new Shares(READS_MAX, SEARCHES_OF_ONE_MAX);

  /**
   * `settled` resolves when all that was acknowledged of the namespace is in the store: everything of it up to the sequence
   * that it answers.
   */
  constructor(
    store: Store,
    settled: (namespace: Namespace, signal: AbortSignal) => Promise<number>,
    readSeconds: number,
  ) {
    this.#store = store;
    this.#settled = settled;
    this.#readSeconds = readSeconds;
  }

  async summarize(query: SummaryQuery): Promise<readonly SummaryRow[]> {
    return await this.#read(
      query.namespace,
      async (patience) =>
        await this.#timed('summarize', async () => await this.#store.summarize(query, patience)),
    );
  }

  async findEvent(
    ...[namespace, meterIds, identifier]: Parameters<UsageStore['findEvent']>
  ): Promise<StoredEvent | undefined> {
    return await this.#read(
      namespace,
      async (patience) =>
        await this.#timed(
          'find_event',
          async () => await this.#store.findEvent(namespace, meterIds, identifier, patience),
        ),
    );
  }

  /**
   * For what is quick to find, in one step or more: `ask` is given the searcher, and the sequence up to which it has
   * everything of the namespace. What is after it may be there in part.
   */
  async lookUp<T>(namespace: Namespace, ask: Ask<T>): Promise<T> {
    return await this.#read(
      namespace,
      async (patience, upTo) => await ask(this.#searcher(patience), upTo),
    );
  }

  /**
   * As `lookUp`, for what may have to look at all events of the account: of one account one runs at a time and a few wait.
   * Throws ReadLimitError for one that reads too much, or takes the usage store too long.
   */
  async search<T>(namespace: Namespace, ask: Ask<T>): Promise<T> {
    const account = accountOf(namespace);
    if (this.#searches.take(account) !== 'taken') {
      throw tooMany('searches', SEARCHES_OF_ONE_MAX, SEARCH_SECONDS);
    }
    const seconds = Math.min(SEARCH_SECONDS, this.#readSeconds);
    try {
      return await this.#readWithin(
        namespace,
        async ({ signal }, upTo) => await ask(this.#searcher({ signal, seconds }), upTo),
      );
    } finally {
      this.#searches.giveBack(account);
    }
  }

  #searcher(patience: Patience): EventSearcher {
    const { search } = this.#store;
    return {
      findEvents: async (query) =>
        await this.#timed('find_events', async () => await search.findEvents(query, patience)),
      findRejections: async (query) =>
        await this.#timed(
          'find_rejections',
          async () => await search.findRejections(query, patience),
        ),
    };
  }

  async #read<T>(
    namespace: Namespace,
    ask: (patience: Patience, upTo: number) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#readWithin(namespace, ask);
    } catch (error) {
      // The engine's own clock may be the first to ring.
      throw error instanceof ReadLimitError ? tooLate(this.#readSeconds) : error;
    }
  }

  async #readWithin<T>(
    namespace: Namespace,
    ask: (patience: Patience, upTo: number) => Promise<T>,
  ): Promise<T> {
    const account = accountOf(namespace);
    const taken = this.#reads.take(account);
    if (taken === 'account is full') throw tooMany('reads', READS_OF_ONE_MAX);
    if (taken !== 'taken') {
      throw new ApiError('unavailable', 'Too many reads wait for the usage store. Try again.');
    }
    const seconds = this.#readSeconds;
    const signal = AbortSignal.timeout(seconds * 1000);
    try {
      const upTo = await this.#settled(namespace, signal);
      return await ask({ signal, seconds }, upTo);
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
      throw tooLate(seconds);
    } finally {
      this.#reads.giveBack(account);
    }
  }

  async #timed<T>(kind: keyof UsageReader['seconds'], query: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    const answer = await query();
    this.seconds[kind].observe(secondsSince(startMs));
    return answer;
  }
}

function tooLate(seconds: number): ApiError {
  return new ApiError('unavailable', `No answer within ${seconds} s. Try again.`);
}

function tooMany(what: string, max: number, retryAfterS = 1): ApiError {
  const message =
    `Your account has ${max} ${what} at once, of which most wait for their turn. ` +
    'Try again when some of them are answered.';
  return new ApiError('rate_limit', message, undefined, retryAfterS);
}
