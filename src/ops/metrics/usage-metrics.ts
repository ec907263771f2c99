import type { UsageReader } from '../../usage/usage-reader.ts';
import type { SampleAuditResult } from '../../ingest/sample-audit.ts';
import type { Metrics } from './metrics.ts';

export function exposeQueries(metrics: Metrics, usage: UsageReader): void {
  metrics.histogram(
    'taximeter_query_duration_seconds',
    'Queries of the usage store that succeeded, without the wait before them.',
    () => Object.entries(usage.seconds).map(([query, seconds]) => [{ query }, seconds] as const),
  );
}

/** Answers who has to be told of every audit that ran while the server does. */
export function exposeAudits(metrics: Metrics): (result: SampleAuditResult) => void {
  const counts = { runs: 0, hours: 0, differences: 0 };
  metrics.counter('taximeter_audit_runs_total', 'Audits that ran to their end.', () => counts.runs);
  metrics.counter(
    'taximeter_audit_hours_total',
    'Hours of customers that they compared.',
    () => counts.hours,
  );
  metrics.counter(
    'taximeter_audit_differences_total',
    'Hours in which the rollup and the raw events differed.',
    () => counts.differences,
  );
  return ({ hours, differences }) => {
    counts.runs += 1;
    counts.hours += hours;
    counts.differences += differences;
  };
}
