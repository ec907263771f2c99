import type { Session } from 'chdb';
import { toText, type Statement } from '../sql/statement.ts';
import type { Patience } from '../usage-store.ts';
import { parseInTurns } from './parse-rows.ts';

/** Opened when it is needed; `seconds` is its `max_execution_time`, 0 for none. */
type Place = { session: Session | undefined; seconds: number };

/**
 * Runs each statement on the first free session; the others wait their turn, in order.
 *
 * The engine cannot be interrupted from here. Who has no more patience is told so, and the session is taken until
 * the engine returns: it stops by itself after `seconds`, unless a system call of its own hangs.
 *
 * A session whose statement failed is never used again: what had been written of the answer would come out in front of
 * the session's next one, which may be another account's (chDB 3.4). Another takes a millisecond to open.
 */
export class SessionPool {
  readonly #open: () => Session;
  readonly #places: readonly Place[];
  readonly #free: Place[];
  readonly #waiting = new Set<(place: Place) => void>();

  constructor(open: () => Session, width: number) {
    this.#open = open;
    this.#places = Array.from({ length: width }, () => ({ session: undefined, seconds: 0 }));
    this.#free = [...this.#places];
  }

  /** Without patience it waits for as long as it takes. */
  async rows<Row>(statement: Statement, patience?: Patience): Promise<Row[]> {
    const place = await this.#take(patience?.signal);
    const answer = this.#run(place, toText(statement), patience?.seconds ?? 0);
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
      throw error;
    } finally {
      this.#giveBack(place);
    }
  }

  #openAt(place: Place): Session {
    const session = this.#open();
    // Without a bound of the engine's own: the bounds are those of what a request may ask.
    session.query('SET max_query_size = 0');
    place.seconds = 0;
    return session;
  }

  /** Waits for the statements that run, then closes every session. */
  async close(): Promise<void> {
    for (const _ of this.#places) await this.#take();
    for (const { session } of this.#places) session?.close();
  }

  async #take(signal?: AbortSignal): Promise<Place> {
    signal?.throwIfAborted();
    const place = this.#free.pop();
    if (place !== undefined) return place;
    return await new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      // Who has been given a place in the meantime keeps it.
      const leave = (): void => {
        if (this.#waiting.delete(resolve)) reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  #giveBack(place: Place): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free.push(place);
    else {
      this.#waiting.delete(next);
      next(place);
    }
  }
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
