import type { Ingest } from '../../ingest/ingest.ts';
import type { Metrics } from './metrics.ts';

export function exposeIngest(metrics: Metrics, ingest: Ingest, backlogBytesMax: number): void {
  exposeEvents(metrics, ingest);
  exposeCommits(metrics, ingest);
  exposeFlushes(metrics, ingest, backlogBytesMax);
  exposeRemembered(metrics, ingest);
}

function exposeEvents(metrics: Metrics, { stats }: Ingest): void {
  metrics.counter(
    'taximeter_events_accepted_total',
    'New events, over v1, v2 and the stream.',
    () => stats.accepted,
  );
  metrics.counter(
    'taximeter_events_duplicate_total',
    'Events whose identifier was taken: refused one by one, dropped from a stream.',
    () => stats.duplicates,
  );
  metrics.counter(
    'taximeter_events_rejected_total',
    'Events that were not counted, by what was wrong with them: refused one by one, kept aside from a stream.',
    () => Array.from(stats.rejected, ([code, count]) => [{ code }, count] as const),
  );
}

function exposeCommits(metrics: Metrics, ingest: Ingest): void {
  const { stats } = ingest;
  metrics.histogram(
    'taximeter_commit_duration_seconds',
    'From handing a block to the journal to when it is on disk.',
    () => stats.commitSeconds,
  );
  metrics.histogram('taximeter_commit_rows', 'Rows of a block.', () => stats.commitRows);
  metrics.histogram('taximeter_commit_bytes', "Bytes of a block's rows.", () => stats.commitBytes);
  metrics.gauge(
    'taximeter_commit_waiting_seconds',
    'How long the commit has taken that runs now; 0 when none does.',
    () => ingest.waitingSeconds,
  );
}

function exposeFlushes(metrics: Metrics, ingest: Ingest, backlogBytesMax: number): void {
  const { stats } = ingest;
  metrics.gauge(
    'taximeter_journal_backlog_bytes',
    'What waits in the journal for the usage store.',
    () => ingest.held.backlogBytes,
  );
  metrics.gauge(
    'taximeter_journal_backlog_max_bytes',
    'Where ingest answers 429: --journal-bytes-max.',
    () => backlogBytesMax,
  );
  metrics.histogram(
    'taximeter_flush_duration_seconds',
    'A flush into the usage store that succeeded.',
    () => stats.flushSeconds,
  );
  metrics.histogram('taximeter_flush_rows', 'Rows of a flush.', () => stats.flushRows);
  metrics.histogram('taximeter_flush_bytes', 'Bytes of a flush.', () => stats.flushBytes);
  metrics.counter(
    'taximeter_flush_failures_total',
    'Flushes that the usage store refused. They are tried again.',
    () => stats.flushFailures,
  );
  metrics.histogram(
    'taximeter_barrier_wait_seconds',
    'How long a reader waited until all that was acknowledged was in the usage store.',
    () => stats.barrierSeconds,
  );
}

function exposeRemembered(metrics: Metrics, ingest: Ingest): void {
  metrics.gauge(
    'taximeter_identifiers_held',
    'Identifiers that are remembered.',
    () => ingest.held.identifiers.size,
  );
  metrics.gauge(
    'taximeter_identifiers_memory_bytes',
    'The memory that they take.',
    () => ingest.held.identifiers.bytes,
  );
  metrics.gauge(
    'taximeter_idempotency_keys_held',
    'Idempotency-Keys that are remembered.',
    () => ingest.held.answeredKeys.size,
  );
  metrics.gauge(
    'taximeter_idempotency_keys_memory_bytes',
    'The memory that they take.',
    () => ingest.held.answeredKeys.bytes,
  );
}

/** `counts`: of duplicates on the stream that are not known at once to repeat the first event. */
export function exposeDuplicates(
  metrics: Metrics,
  watch: {
    readonly counts: Readonly<Record<'equal' | 'differing' | 'unknown' | 'skipped', number>>;
  },
): void {
  metrics.counter(
    'taximeter_duplicates_compared_total',
    'Duplicates on the stream that were compared with the first event, by what came of it; skipped: too many at once.',
    () => Object.entries(watch.counts).map(([result, count]) => [{ result }, count] as const),
  );
}
