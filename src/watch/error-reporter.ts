/**
 * Tells of events that were answered with success and could not be counted: every ten seconds one report for each meter,
 * as Stripe does. A report and up to which rejection all are reported are one transaction, so each rejection is reported
 * once, whatever crashes.
 */
import type { ErrorReports } from '../catalog/catalog.ts';
import type { CoreEvent } from '../core-events/core-event.ts';
import type { RejectionCount, RejectionCounter } from '../usage/rejection-counts.ts';

/** Stripe's docs: the windows of its samples. */
export const REPORT_MS = 10_000;
/** Of each code. */
const SAMPLES_MAX = 10;

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

  /** Waits for the report that is being made. */
  async close(): Promise<void> {
    await this.#running;
  }

  async #report(createdMs: number): Promise<void> {
    const { reports, usage, progress, announce } = this.#parts;
    const { flushedSequence: upToSequence } = progress;
    // A folder from before there were reports: what is in it is old.
    const afterSequence = reports.seenSequence ?? upToSequence;
    if (upToSequence === reports.seenSequence) return;
    const query = { afterSequence, upToSequence, samplesMax: SAMPLES_MAX };
    const counts = await usage.countRejections(query);
    const events = byMeter(counts).map((ofMeter) => announce({ counts: ofMeter, createdMs }));
    await reports.record(events, upToSequence);
  }
}

function byMeter(counts: readonly RejectionCount[]): readonly RejectionCount[][] {
  return [...Map.groupBy(counts, ({ namespace, meterId }) => `${namespace} ${meterId}`).values()];
}
