import type { Clock } from '../../lib/clock.ts';
import { AnswerBudget } from '../limits/answer-budget.ts';
import { Door } from '../door.ts';
import type { HttpCall } from '../http-call.ts';
import { sendPage, sendUnread, type Page } from './operator-pages.ts';
import { readTarget } from '../target.ts';

/** Of scrapers there are few. */
const CONNECTIONS_MAX = 100;
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;
const AT_ONCE = { idleMs: 0, partMs: 0, answerMs: 0 };

/** `/metrics` on a port of its own, where strangers reach the API's, and under the same limits. */
export class MetricsServer {
  readonly #door: Door;
  readonly #metrics: () => Promise<Page>;
  readonly #answers = new AnswerBudget({ bytesMax: UNREAD_BYTES_MAX });

  constructor(clock: Clock, metrics: () => Promise<Page>) {
    this.#metrics = metrics;
    const options = { limits: { connectionsMax: CONNECTIONS_MAX }, fastPath: false };
    this.#door = new Door(clock, options, (call) => void this.#respond(call));
  }

  /** Answers the port. Throws StartupError when the address cannot be had. */
  async listen(port: number, host: string): Promise<number> {
    return await this.#door.listen(port, host);
  }

  async close(): Promise<void> {
    await this.#door.close(AT_ONCE);
  }

  async #respond(call: HttpCall): Promise<void> {
    if (readTarget(call.url).path === '/metrics') {
      sendUnread(call, await this.#metrics(), this.#answers);
    } else sendPage(call, { status: 404, type: 'text/plain', body: 'See /metrics.\n' });
  }
}
