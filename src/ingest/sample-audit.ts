/**
 * P6 while the server runs: every so often one customer's day, drawn at random, is recounted from the events and compared with
 * the rollup. An insert reaches events and rollup one after the other, so a difference counts only when it stays the same
 * after all that had come in was inserted.
 */
import { DAY_MS } from '../domain/time.ts';
import { windowStartMs } from '../domain/windows.ts';
import type { Audit, AuditRange, Auditor } from '../usage/usage-store.ts';

/** How often a difference is looked at again that is another one each time: its hour is being written. */
const LOOKS_MAX = 5;

export type SampleAuditParts = {
  readonly auditor: Pick<Auditor, 'draw' | 'hours'>;
  /** Resolves when all that was acknowledged is in the store. */
  readonly settled: () => Promise<unknown>;
  /** There is more urgent work: then this look is left out. */
  readonly isBusy: () => boolean;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Told of each look that was taken. */
  readonly onAudit: (result: SampleAuditResult) => void;
  readonly onFailure: (error: unknown) => void;
};

export type SampleAuditResult = Omit<Audit, 'events'>;

export class SampleAudit {
  readonly #parts: SampleAuditParts;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(parts: SampleAuditParts) {
    this.#parts = parts;
  }

  start(intervalMs: number): void {
    this.#timer = setInterval(() => {
      this.#looking ??= this.#lookAndTell().finally(() => (this.#looking = undefined));
    }, intervalMs);
  }

  /** Waits for the look that is being taken. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #lookAndTell(): Promise<void> {
    if (this.#parts.isBusy()) return;
    try {
      const result = await this.look();
      if (result !== undefined) this.#parts.onAudit(result);
    } catch (error) {
      this.#parts.onFailure(error);
    }
  }

  /** One look; undefined when there is nothing to look at, or what is looked at does not come to rest. */
  async look(): Promise<SampleAuditResult | undefined> {
    const drawn = await this.#parts.auditor.draw(this.#parts.random());
    if (drawn === undefined) return undefined;
    const { hourMs, ...customer } = drawn;
    const startMs = windowStartMs('day', hourMs);
    const range: AuditRange = { ...customer, startMs, endMs: startMs + DAY_MS };
    let before: string | undefined;
    for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
      const { hours, differences, first } = await this.#parts.auditor.hours(range);
      const now = JSON.stringify([differences, first]);
      if (differences === 0 || now === before) return { hours, differences, first };
      before = now;
      await this.#parts.settled();
    }
    return undefined;
  }
}
