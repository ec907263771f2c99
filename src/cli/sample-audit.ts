import type { DataFolder } from '../ops/data-folder.ts';
import type { Ingest } from '../ingest/ingest.ts';
import { SampleAudit, type SampleAuditResult } from '../ingest/sample-audit.ts';
import { logError } from '../lib/log.ts';

/** More than this waits: the machine has better to do than to recount. */
const BYTES_WAITING_MAX = 8 * 1024 * 1024;

/** Recounts a random customer's day now and then; `onAudit` counts what was found. */
export function sampleAudit(
  { store }: DataFolder,
  ingest: Ingest,
  onAudit: (result: SampleAuditResult) => void,
): SampleAudit {
  return new SampleAudit({
    auditor: store.auditor,
    settled: async () => await ingest.settled(),
    isBusy: () => ingest.bytesWaiting > BYTES_WAITING_MAX,
    random: () => Math.random(),
    onAudit: (result) => {
      onAudit(result);
      const { differences, first } = result;
      if (differences === 0) return;
      logError('The rollup differs from the events.', 'Run taximeter audit.', {
        differences,
        first,
      });
    },
    onFailure: (error) => logError('A random audit failed.', error),
  });
}
