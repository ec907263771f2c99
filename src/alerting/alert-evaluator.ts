/**
 * Watches usage and fires alerts. Every event that has reached the usage store is looked at once, in steps between two
 * sequences: who got something, and is any alert about them crossed now? The answer is the usage store's, exact; a
 * bound that is kept in memory (UpperBounds) only says when there is no need to ask.
 *
 * - An alert fires once for each customer and period, also over a crash: the catalog stores the trigger with its event
 *   in one transaction, and takes none twice. What a crash left unlooked at is looked at on start.
 * - A cancellation may cross a threshold too (of a negative value): who had one is looked at again.
 */
import { periodOf, type Alert, type Recurrence } from '../domain/alert.ts';
import type { Alerts, Meters } from '../catalog/catalog.ts';
import { Turns } from '../lib/turns.ts';
import type { CustomerUsageReader, Touched } from '../usage/customer-usage.ts';
import { AlertJudge, type AlertJudgeParts } from './alert-judge.ts';
import { addedBy, UpperBounds, type Group } from './usage-upper-bounds.ts';

export type AlertWatchParts = AlertJudgeParts & {
  readonly alerts: Alerts;
  readonly meters: Pick<Meters, 'find'>;
  readonly usage: CustomerUsageReader;
  readonly progress: {
    /** Everything up to this sequence is in the usage store. */
    readonly flushedSequence: number;
    /** Resolves when all that was acknowledged is in the usage store, with the sequence up to which that is all. */
    settled(): Promise<number>;
  };
  readonly onFailure: (error: unknown) => void;
};

/** How many events one step looks at: each may be of another customer, so this bounds what is in memory (P10). */
const EVENTS_PER_STEP = 100_000;
/** How many customers one query asks for. */
const CUSTOMERS_PER_QUERY = 1000;
/** How often is written down up to where all was looked at. A start looks at what came after it. */
const SAVE_MS = 5000;
/** The pause after a step that failed. */
const RETRY_MS = 1000;

export class AlertWatch {
  readonly #parts: AlertWatchParts;
  readonly #bounds = new UpperBounds();
  readonly #judge: AlertJudge;
  readonly #closed = new AbortController();
  /** Everything up to here was looked at. */
  #seen: number;
  #savedMs = -Infinity;
  #waitUntilMs = -Infinity;
  #cancelled: Touched[] = [];
  #isStarted = false;
  #running: Promise<void> | undefined;

  constructor(parts: AlertWatchParts) {
    this.#parts = parts;
    this.#judge = new AlertJudge(parts, this.#bounds);
    this.#seen = parts.alerts.seenSequence;
  }

  /** How many alerts have fired since the start. */
  get fired(): number {
    return this.#judge.fired;
  }

  /** How many events are in the usage store and were not looked at yet. */
  get behind(): number {
    return Math.max(0, this.#parts.progress.flushedSequence - this.#seen);
  }

  /** Tells that an event was cancelled, once that is acknowledged. */
  cancelled(event: Touched): void {
    if (this.#parts.alerts.active.hasMeter(event.meterId)) this.#cancelled.push(event);
  }

  /** To be called often: begins a step when there is something to look at and none is running. */
  lookIfDue(nowMs: number): void {
    if (this.#closed.signal.aborted || this.#running !== undefined) return;
    if (nowMs < this.#waitUntilMs || !this.#isDue) return;
    this.#running = this.#lookOn(nowMs)
      .catch((error: unknown) => {
        if (this.#closed.signal.aborted) return;
        this.#waitUntilMs = nowMs + RETRY_MS;
        this.#parts.onFailure(error);
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Waits for the steps that run. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Ends the step that runs where it is: what it was at is looked at again after the next start. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#running;
  }

  get #isDue(): boolean {
    return !this.#isStarted || this.#cancelled.length > 0 || this.behind > 0;
  }

  /** Step after step, as long as there is enough for a whole one. */
  async #lookOn(nowMs: number): Promise<void> {
    do await this.#look(nowMs);
    while (this.behind >= EVENTS_PER_STEP);
  }

  async #look(nowMs: number): Promise<void> {
    const { alerts, usage, progress } = this.#parts;
    const cancelled = await this.#takeCancelled();
    try {
      const isAll = this.#isStarted && cancelled.length === 0;
      const reached = isAll ? progress.flushedSequence : await progress.settled();
      const upTo = Math.min(reached, this.#seen + EVENTS_PER_STEP);
      const { meterIds } = alerts.active;
      const range = { meterIds, afterSequence: this.#seen, upToSequence: upTo };
      const arrived = upTo > this.#seen ? await usage.arrived(range) : [];
      await this.#lookAt([...arrived, ...cancelled]);
      this.#isStarted = true;
      this.#seen = Math.max(this.#seen, upTo);
    } catch (error) {
      this.#cancelled.push(...cancelled);
      throw error;
    }
    if (nowMs - this.#savedMs < SAVE_MS || this.#seen === alerts.seenSequence) return;
    this.#savedMs = nowMs;
    await alerts.saveSeenSequence(this.#seen);
  }

  /** On start all that ever were: which of them were looked at before the stop is not known. */
  async #takeCancelled(): Promise<readonly Touched[]> {
    if (!this.#isStarted) {
      return await this.#parts.usage.cancelled(this.#parts.alerts.active.meterIds);
    }
    const cancelled = this.#cancelled;
    this.#cancelled = [];
    return cancelled;
  }

  async #lookAt(touched: readonly Touched[]): Promise<void> {
    const groups = new Map<string, { group: Group; customers: Set<string> }>();
    const turns = new Turns();
    for (const one of touched) {
      const about = this.#parts.alerts.active.about(one.meterId, one.customer);
      for (const recurrence of recurrencesOf(about)) {
        const group = { ...one, recurrence, period: periodOf(recurrence, one.dayMs) };
        const key = `${one.meterId} ${recurrence} ${group.period.startMs}`;
        const known = groups.get(key) ?? { group, customers: new Set<string>() };
        if (this.#bounds.mayCross(group, one.customer, about, addedBy(one))) {
          groups.set(key, known);
          known.customers.add(one.customer);
        }
      }
      await turns.next();
    }
    for (const { group, customers } of groups.values()) await this.#ask(group, [...customers]);
  }

  async #ask(group: Group, customers: readonly string[]): Promise<void> {
    const { meters, usage } = this.#parts;
    const { namespace, meterId, period } = group;
    const meter = await meters.find(namespace, meterId);
    if (meter === undefined) return;
    const { formula, eventTimeWindow } = meter;
    for (let start = 0; start < customers.length; start += CUSTOMERS_PER_QUERY) {
      const some = customers.slice(start, start + CUSTOMERS_PER_QUERY);
      const query = { namespace, meterId, formula, eventTimeWindow, ...period, customers: some };
      const used = await usage.usageOf(query);
      await this.#judge.judge(group, meter, used, this.#closed.signal);
    }
  }
}

function recurrencesOf(about: readonly Alert[]): ReadonlySet<Recurrence> {
  return new Set(about.map(({ recurrence }) => recurrence));
}
