/** What a sync costs here: the figure to read all others by. */
import { syncLatenciesMs } from '../measure/disk-sync.ts';
import { percentile, toFigure } from '../measure/statistics.ts';
import { withFolder, type Context } from './context.ts';

const DURATION_MS = 1000;

export async function disk(context: Context): Promise<void> {
  await withFolder(context, (folder) => {
    const latencies = syncLatenciesMs(folder, DURATION_MS);
    for (const [name, share] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const) {
      context.report.add({
        group: 'The disk',
        what: `fdatasync after an append of 4 KiB, ${name}`,
        unit: 'ms',
        figure: toFigure([percentile(latencies, share)]),
      });
    }
    return Promise.resolve();
  });
}
