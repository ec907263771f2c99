import { systemClock } from '../lib/clock.ts';
import type { ServeConfig } from '../config/config.ts';
import type { DataFolder } from '../ops/data-folder.ts';
import { Deliverer } from '../webhooks/deliverer.ts';
import { Sender } from '../webhooks/sender.ts';
import { alertTriggered } from '../api/alerts/alert-triggered.ts';
import { errorReport } from '../api/events/error-report.ts';
import type { Ingest } from '../ingest/ingest.ts';
import { logError } from '../lib/log.ts';
import { AlertWatch } from '../alerting/alert-evaluator.ts';
import { DuplicateComparer } from '../reporting/duplicate-comparer.ts';
import { ErrorReporter } from '../reporting/error-reporter.ts';

export type Watches = {
  readonly alerts: AlertWatch;
  readonly reporter: ErrorReporter;
  readonly duplicates: DuplicateComparer;
  readonly deliverer: Deliverer;
};

/** What looks at usage as it comes, tells of it by events, and brings these to webhooks. */
export function openWatches(
  { webhookAllowPrivate: allowPrivate }: Pick<ServeConfig, 'webhookAllowPrivate'>,
  { catalog, store }: DataFolder,
  progress: Ingest,
): Watches {
  return {
    alerts: new AlertWatch({
      ...catalog,
      usage: store.customers,
      progress,
      announce: (trigger, meter) => [alertTriggered(trigger, meter)],
      clock: systemClock,
      onFailure: (error) => logError('Alerts could not be looked at; trying again.', error),
    }),
    reporter: new ErrorReporter({
      reports: catalog.errorReports,
      usage: store,
      progress,
      announce: errorReport,
      onFailure: (error) => logError('Rejections could not be reported; trying again.', error),
    }),
    duplicates: new DuplicateComparer({
      ...catalog,
      search: store.search,
      ingest: progress,
      onFailure: (error) => logError('Duplicates could not be compared; they are skipped.', error),
    }),
    deliverer: new Deliverer({
      ...catalog,
      sender: new Sender({ allowPrivate }),
      clock: systemClock,
    }),
  };
}

export function lookIfDue({ alerts, reporter, duplicates }: Watches, nowMs: number): void {
  alerts.lookIfDue(nowMs);
  reporter.reportIfDue(nowMs);
  duplicates.compareIfDue();
}

/** Waits for what was begun. */
export async function closeWatches(watches: Watches): Promise<void> {
  const { alerts, reporter, duplicates, deliverer } = watches;
  await duplicates.close();
  await alerts.close();
  await reporter.close();
  await deliverer.close();
}
