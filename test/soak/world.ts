/** What all parts of a soak share: the server that lives and dies, what is counted, and what was found wrong. */
import { call, type Answer, type Call } from '../support/http.ts';
import type { Random } from '../support/random.ts';
import type { Server } from '../support/server.ts';
import { openStream } from '../support/stream.ts';
import { dayStart, DAY_S } from '../support/times.ts';
import { pause } from '../support/wait.ts';
import type { MeterName } from './tally.ts';

/** Of what is wrong, so many are written down; all are counted. */
const DETAILS_MAX = 20;
const RETRY_MS = 100;
/** Events lie in whole days that are over, and may still be sent for weeks. */
const DAYS = 2;

/** The requests that came to nothing and were sent again. */
export type Retries = { lost: number; unavailable: number; tooMuch: number; session: number };

export class World {
  readonly server: Server;
  readonly random: Random;
  readonly meterIds: ReadonlyMap<MeterName, string>;
  readonly startS = dayStart(3);
  readonly endS = this.startS + DAYS * DAY_S;
  readonly counts = { requests: 0, events: 0, batches: 0, cancels: 0, duplicates: 0, audits: 0 };
  readonly retries: Retries = { lost: 0, unavailable: 0, tooMuch: 0, session: 0 };
  readonly faults: Record<string, number> = {};
  readonly details: string[] = [];
  differences = 0;
  /** No more new events; what was begun is settled. */
  isOver = false;
  #token = '';

  constructor(server: Server, random: Random, meterIds: ReadonlyMap<MeterName, string>) {
    this.server = server;
    this.random = random;
    this.meterIds = meterIds;
  }

  /** Writes down that the server and the count differ, or that it did what it must not. */
  differs(what: string): void {
    this.differences += 1;
    const line = `${new Date().toISOString()} ${what}`;
    if (this.details.length < DETAILS_MAX) this.details.push(line);
    console.error(line);
  }

  /**
   * Sends it again and again until it is answered for good, over restarts. `isFirst`: no try before this one may have
   * been taken without our knowing.
   */
  async settle(what: Call): Promise<{ readonly answer: Answer; readonly isFirst: boolean }> {
    let isFirst = true;
    for (;;) {
      this.counts.requests += 1;
      const answer = await this.#ask(what);
      if (answer === undefined) {
        this.retries.lost += 1;
        isFirst = false;
      } else if (answer.status === 503) {
        this.retries.unavailable += 1;
        isFirst = false;
      } else if (answer.status === 429) this.retries.tooMuch += 1;
      // Another try with this key is still being answered.
      else if (answer.status === 409) isFirst = false;
      else return { answer, isFirst };
      await pause(RETRY_MS);
    }
  }

  async #ask(what: Call): Promise<Answer | undefined> {
    try {
      return await call(this.server, what);
    } catch {
      // It died, or is not up again. Only our own bugs would be hidden, and those end in a difference.
      return undefined;
    }
  }

  /** `settle` of a call of the stream: opens another session when this one is over. */
  async settleStream(what: Call): Promise<Awaited<ReturnType<World['settle']>>> {
    for (;;) {
      if (this.#token === '') await this.#openStream();
      const settled = await this.settle({ ...what, key: this.#token });
      if (settled.answer.status !== 401) return settled;
      this.retries.session += 1;
      this.#token = '';
    }
  }

  async #openStream(): Promise<void> {
    while (this.#token === '') {
      this.#token = await openStream(this.server).catch(() => '');
      if (this.#token === '') await pause(RETRY_MS);
    }
  }
}
