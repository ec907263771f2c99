import type { Session } from 'chdb';
import { toText, type Statement } from '../sql/statement.ts';

/** Runs each statement on the first free session; the others wait their turn, in order. */
export class SessionPool {
  readonly #sessions: readonly Session[];
  readonly #free: Session[];
  readonly #waiting: ((session: Session) => void)[] = [];

  constructor(sessions: readonly Session[]) {
    this.#sessions = sessions;
    // Without a bound of the engine's own: the bounds are those of what a request may ask.
    for (const session of sessions) session.query('SET max_query_size = 0');
    this.#free = [...sessions];
  }

  async rows<Row>(statement: Statement): Promise<Row[]> {
    const session = await this.#take();
    try {
      const result = await session.queryAsync(toText(statement), { format: 'JSONCompactEachRow' });
      return parseRows<Row>(result.text());
    } finally {
      this.#giveBack(session);
    }
  }

  /** Waits for the statements that run, then closes every session. */
  async close(): Promise<void> {
    for (const _ of this.#sessions) await this.#take();
    for (const session of this.#sessions) session.close();
  }

  #take(): Promise<Session> {
    const session = this.#free.pop();
    if (session !== undefined) return Promise.resolve(session);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #giveBack(session: Session): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(session);
    else next(session);
  }
}

/** One JSON array a line, as ClickHouse prints JSONCompactEachRow; none for empty text. */
export function parseRows<Row>(text: string): Row[] {
  const lines = text.trimEnd();
  if (lines === '') return [];
  // The engine wrote these lines for a query of ours, so their shape is known.
  return JSON.parse(`[${lines.replaceAll('\n', ',')}]`) as Row[];
}
