import type { CoreEvent } from '../../domain/core-events/core-event.ts';
import { newCoreEventId } from '../../lib/ids.ts';
import { modeOf } from '../../domain/namespace.ts';
import { formatRfc3339 } from '../../domain/rfc3339.ts';
import { REPORT_MS, type ErrorReport } from '../../reporting/error-reporter.ts';

/**
 * The thin event of a report: `v1.billing.meter.error_report_triggered` of a meter, `v1.billing.meter.no_meter_found` of
 * none. What it says is its data, which is fetched. Shapes: Stripe's SDK (V2/Core/Events) and the samples of its docs.
 */
export function errorReport({ counts, createdMs }: ErrorReport): CoreEvent {
  const { namespace, meterId } = counts[0]!;
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const firstMs = Math.min(...counts.map((one) => one.firstMs));
  const lastMs = Math.max(...counts.map((one) => one.lastMs));
  const data = {
    developer_message_summary:
      total === 1 ? 'There is 1 invalid event' : `There are ${total} invalid events`,
    reason: {
      error_count: total,
      error_types: counts.map(({ code, count, samples }) => ({
        code,
        error_count: count,
        sample_errors: samples.map(({ message, identifier }) => ({
          error_message: message,
          request: { identifier },
        })),
      })),
    },
    validation_start: formatRfc3339(windowStartMs(firstMs)),
    validation_end: formatRfc3339(windowStartMs(lastMs) + REPORT_MS),
  };
  const type =
    meterId === '' ? 'v1.billing.meter.no_meter_found' : 'v1.billing.meter.error_report_triggered';
  return {
    id: newCoreEventId(modeOf(namespace)),
    namespace,
    createdMs,
    thin: { type, data: JSON.stringify(data) },
    snapshot: null,
    relatedObject:
      meterId === ''
        ? null
        : { id: meterId, type: 'billing.meter', url: `/v1/billing/meters/${meterId}` },
    request: null,
  };
}

function windowStartMs(timeMs: number): number {
  return Math.floor(timeMs / REPORT_MS) * REPORT_MS;
}
