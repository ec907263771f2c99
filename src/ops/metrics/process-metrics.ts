import { statfs } from 'node:fs/promises';
import { collectDefaultMetrics } from 'prom-client';
import { logCounts } from '../../lib/log.ts';
import type { Metrics } from './metrics.ts';

/** What every process has (memory, CPU, event loop, garbage collection), under the names that dashboards know. */
export function exposeProcess(metrics: Metrics, version: string): void {
  collectDefaultMetrics({ register: metrics.registry });
  metrics.gauge('taximeter_build_info', '1; what runs is in its labels.', () => [
    [{ version, node: process.versions.node }, 1],
  ]);
  metrics.counter(
    'taximeter_log_lines_dropped_total',
    'Lines of the log that nobody read in time.',
    () => logCounts.dropped,
  );
}

export function exposeDisk(metrics: Metrics, dataFolder: string): void {
  metrics.gauge('taximeter_data_free_bytes', 'Room on the disk of the data folder.', async () => {
    const { bavail, bsize } = await statfs(dataFolder);
    return bavail * bsize;
  });
}
