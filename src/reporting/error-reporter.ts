/**
 * Tells of events that were answered with success and could not be counted: every ten seconds one report for each meter,
 * as Stripe does. A report and up to which rejection all are reported are one transaction, so each rejection is reported
 * once, whatever crashes. Rejections of very many meters are told of in several transactions, one range after the other.
 */
import { setImmediate } from 'node:timers/promises';
import type { ErrorReports } from '../catalog/catalog.ts';
import type { CoreEvent } from '../domain/core-events/core-event.ts';
import type { RejectionCount, RejectionCounter } from '../usage/rejection-counts.ts';

/** Stripe's docs: the windows of its samples. */
export const REPORT_MS = 10_000;
/** Of each code. */
const SAMPLES_MAX = 10;
/** Reports in one transaction, with sixteen deliveries each: some 10 ms, then others have their turn. */
const METERS_PER_COMMIT = 50;

/** What one report tells of: all codes of one meter, or of none. */
export type ErrorReport = {
  /** At least one. */
  readonly counts: readonly RejectionCount[];
  readonly createdMs: number;
};

export type ErrorReporterParts = {
  readonly reports: ErrorReports;
  readonly usage: RejectionCounter;
  readonly progress: {
    /** Everything up to this sequence is in the usage store. */
    readonly flushedSequence: number;
  };
  readonly announce: (report: ErrorReport) => CoreEvent;
  readonly onFailure: (error: unknown) => void;
};

export class ErrorReporter {
  readonly #parts: ErrorReporterParts;
  #window = 0;
  #isClosed = false;
  #running: Promise<void> | undefined;

  constructor(parts: ErrorReporterParts) {
    this.#parts = parts;
  }

  /** To be called often: begins to report with the first call of each ten seconds. */
  reportIfDue(nowMs: number): void {
    const window = Math.floor(nowMs / REPORT_MS);
    if (this.#running !== undefined || window === this.#window) return;
    this.#window = window;
    this.#running = this.#report(nowMs)
      .catch(this.#parts.onFailure)
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Waits for what is being written; what comes after it is reported after the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #report(createdMs: number): Promise<void> {
    const { reports, progress } = this.#parts;
    const { flushedSequence } = progress;
    // A folder from before there were reports: what is in it is old.
    let told = reports.seenSequence ?? flushedSequence;
    if (flushedSequence === reports.seenSequence) return;
    do {
      told = await this.#reportSome(told, flushedSequence, createdMs);
      await setImmediate();
    } while (told < flushedSequence && !this.#isClosed);
  }

  /** Answers up to where all is reported now. */
  async #reportSome(
    afterSequence: number,
    flushedSequence: number,
    createdMs: number,
  ): Promise<number> {
    const { reports, usage, announce } = this.#parts;
    const all = { afterSequence, upToSequence: flushedSequence, metersMax: METERS_PER_COMMIT };
    const upToSequence = await usage.rejectionsThrough(all);
    const query = { afterSequence, upToSequence, samplesMax: SAMPLES_MAX };
    const counts = await usage.countRejections(query);
    const events = byMeter(counts).map((ofMeter) => announce({ counts: ofMeter, createdMs }));
    await reports.record(events, upToSequence);
    return upToSequence;
  }
}

function byMeter(counts: readonly RejectionCount[]): readonly RejectionCount[][] {
  return [...Map.groupBy(counts, ({ namespace, meterId }) => `${namespace} ${meterId}`).values()];
}
