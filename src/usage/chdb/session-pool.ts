import type { Session } from 'chdb';
import { toText, type Statement } from '../sql/statement.ts';
import type { Patience } from '../usage-store.ts';

/**
 * Runs each statement on the first free session; the others wait their turn, in order.
 *
 * The engine cannot be interrupted from here. Who has no more patience is told so, and the session is taken until
 * the engine returns: it stops by itself after `seconds`, unless a system call of its own hangs.
 */
export class SessionPool {
  readonly #sessions: readonly Session[];
  readonly #free: Session[];
  readonly #waiting = new Set<(session: Session) => void>();
  /** The `max_execution_time` of each; 0 is none. */
  readonly #seconds = new Map<Session, number>();

  constructor(sessions: readonly Session[]) {
    this.#sessions = sessions;
    // Without a bound of the engine's own: the bounds are those of what a request may ask.
    for (const session of sessions) session.query('SET max_query_size = 0');
    this.#free = [...sessions];
  }

  /** Without patience it waits for as long as it takes. */
  async rows<Row>(statement: Statement, patience?: Patience): Promise<Row[]> {
    const session = await this.#take(patience?.signal);
    const answer = this.#run(session, toText(statement), patience?.seconds ?? 0);
    const text = await (patience === undefined ? answer : unless(patience.signal, answer));
    return parseRows<Row>(text);
  }

  async #run(session: Session, sql: string, seconds: number): Promise<string> {
    try {
      if ((this.#seconds.get(session) ?? 0) !== seconds) {
        session.query(`SET max_execution_time = ${seconds}`);
        this.#seconds.set(session, seconds);
      }
      const result = await session.queryAsync(sql, { format: 'JSONCompactEachRow' });
      return result.text();
    } finally {
      this.#giveBack(session);
    }
  }

  /** Waits for the statements that run, then closes every session. */
  async close(): Promise<void> {
    for (const _ of this.#sessions) await this.#take();
    for (const session of this.#sessions) session.close();
  }

  async #take(signal?: AbortSignal): Promise<Session> {
    signal?.throwIfAborted();
    const session = this.#free.pop();
    if (session !== undefined) return session;
    return await new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      // Who has been given a session in the meantime keeps it.
      const leave = (): void => {
        if (this.#waiting.delete(resolve)) reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  #giveBack(session: Session): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free.push(session);
    else {
      this.#waiting.delete(next);
      next(session);
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

/** One JSON array a line, as ClickHouse prints JSONCompactEachRow; none for empty text. */
export function parseRows<Row>(text: string): Row[] {
  const lines = text.trimEnd();
  if (lines === '') return [];
  // The engine wrote these lines for a query of ours, so their shape is known.
  return JSON.parse(`[${lines.replaceAll('\n', ',')}]`) as Row[];
}
