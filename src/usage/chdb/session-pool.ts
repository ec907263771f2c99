import type { Session } from 'chdb';
import { toText, type Statement } from '../sql/statement.ts';
import { Turns } from '../turns.ts';
import { ReadLimitError, type Patience } from '../usage-store.ts';
import { parseInTurns } from './parse-rows.ts';

/** Opened when it is needed; `seconds` is its `max_execution_time`, 0 for none. */
type Place = { session: Session | undefined; seconds: number };

export type PoolOptions = {
  /** How many statements run at once. A session takes some 80 KB. */
  readonly width: number;
  /** How many of these may be one account's; all when absent. */
  readonly ofOneAccount?: number;
  /** Threads of a statement; as many as the machine has cores when absent. */
  readonly threads?: number;
  /** How much a statement may read, before compression; any number when absent. */
  readonly bytesMax?: number;
};

/** By ClickHouse's error codes: TIMEOUT_EXCEEDED, TOO_MANY_BYTES. */
const LIMITS: ReadonlyMap<unknown, ReadLimitError['limit']> = new Map([
  [159, 'seconds'],
  [307, 'bytes'],
]);

/** Whose statement it is that has no account: the server's own. */
const NO_ACCOUNT = '';

/**
 * Runs each statement on the first free session; the others wait their turn, in turns between accounts (see Turns).
 *
 * The engine cannot be interrupted from here. Who has no more patience is told so, and the session is taken until
 * the engine returns: it stops by itself after `seconds`, unless a system call of its own hangs.
 *
 * A session whose statement failed is never used again: what had been written of the answer would come out in front of
 * the session's next one, which may be another account's (chDB 3.4). Another takes a millisecond to open.
 */
export class SessionPool {
  readonly #open: () => Session;
  readonly #settings: readonly string[];
  readonly #places: readonly Place[];
  readonly #turns: Turns<Place>;

  constructor(open: () => Session, { width, ofOneAccount, threads, bytesMax }: PoolOptions) {
    this.#open = open;
    this.#settings = [
      // Without a bound of the engine's own: the bounds are those of what a request may ask.
      'max_query_size = 0',
      ...(threads === undefined ? [] : [`max_threads = ${threads}`]),
      ...(bytesMax === undefined ? [] : [`max_bytes_to_read = ${bytesMax}`]),
    ];
    this.#places = Array.from({ length: width }, () => ({ session: undefined, seconds: 0 }));
    this.#turns = new Turns(this.#places, ofOneAccount);
  }

  /** Without patience it waits for as long as it takes. Throws ReadLimitError. */
  async rows<Row>(
    statement: Statement,
    patience?: Patience,
    account: string = NO_ACCOUNT,
  ): Promise<Row[]> {
    const sql = toText(statement);
    const place = await this.#turns.take(account, patience?.signal);
    const answer = this.#run(place, sql, patience?.seconds ?? 0).finally(() =>
      this.#turns.giveBack(account, place),
    );
    const text = await (patience === undefined ? answer : unless(patience.signal, answer));
    return await parseInTurns<Row>(text);
  }

  async #run(place: Place, sql: string, seconds: number): Promise<string> {
    try {
      place.session ??= this.#openAt(place);
      if (place.seconds !== seconds) {
        place.session.query(`SET max_execution_time = ${seconds}`);
        place.seconds = seconds;
      }
      const result = await place.session.queryAsync(sql, { format: 'JSONCompactEachRow' });
      return result.text();
    } catch (error) {
      place.session?.close();
      place.session = undefined;
      throw asLimit(error);
    }
  }

  #openAt(place: Place): Session {
    const session = this.#open();
    for (const setting of this.#settings) session.query(`SET ${setting}`);
    place.seconds = 0;
    return session;
  }

  /** Waits for the statements that run and that wait, then closes every session. */
  async close(): Promise<void> {
    await this.#turns.idle();
    for (const { session } of this.#places) session?.close();
  }
}

/** A ReadLimitError, if that is what the engine's error says. */
function asLimit(error: unknown): unknown {
  const code =
    error instanceof Error && 'clickhouseCode' in error ? error.clickhouseCode : undefined;
  const limit = LIMITS.get(code);
  return limit === undefined ? error : new ReadLimitError(limit, error);
}

/** What the promise comes to, or the signal's reason as soon as it is aborted. */
function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
