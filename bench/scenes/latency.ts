/** How long an answer takes: at half of the peak, in an open loop, and for one SDK client alone. */
import { join } from 'node:path';
import { stop } from '../measure/processes.ts';
import { percentile, toFigure } from '../measure/statistics.ts';
import { atMost } from '../report/row.ts';
import { withFolder, type Context } from './context.ts';
import { measure } from './race.ts';
import { startTaximeter, type Taximeter } from './taximeter.ts';
import { enter, NOT_SERVED, toRaceOptions } from './throughput.ts';

const P99_MAX_MS = 5;
/** The first events warm both sides up. */
const SDK_WARM_UP = 500;
const SDK_EVENTS = 1000;

export async function latency(context: Context): Promise<void> {
  for (const kind of ['v1', 'stream'] as const) {
    await withFolder(context, async (folder) => {
      const taximeter = await startTaximeter(context.cleanups, join(folder, 'data'));
      if (kind === 'v1') await oneByOne(context, taximeter);
      await openLoop(context, taximeter, kind);
      await stop(taximeter);
    });
  }
}

/** Half of a peak that was measured just before, on the same server. */
async function openLoop(
  { report, size }: Context,
  taximeter: Taximeter,
  kind: 'v1' | 'stream',
): Promise<void> {
  const group = kind === 'v1' ? 'v1 at half of its peak' : 'Stream at half of its peak';
  const ours = await enter(taximeter, kind);
  if (ours === undefined) {
    report.add({ group, what: 'all', unit: 'ms', figure: undefined, note: NOT_SERVED });
    return;
  }
  const options = toRaceOptions(kind, size.openLoopS);
  await measure(ours, { ...options, durationMs: options.durationMs / 2 });
  const peak = await measure(ours, options);
  const requestsPerS = peak.eventsPerS / options.batch / 2;
  const runs = [];
  for (let round = 0; round < size.rounds; round += 1) {
    runs.push(await measure(ours, { ...options, requestsPerS }));
  }
  const late = toFigure(runs.map((run) => run.lateP99Ms));
  const note =
    `${Math.round(requestsPerS).toLocaleString('en-US')} requests a second are due; ` +
    `the client itself sent late by ${late.median.toFixed(2)} ms at its p99`;
  const p50 = toFigure(runs.map((run) => run.p50Ms));
  const p99 = toFigure(runs.map((run) => run.p99Ms));
  const target = kind === 'v1' ? atMost(P99_MAX_MS, p99, 'ms') : undefined;
  report.add({ group, what: 'from when it was due, p50', unit: 'ms', figure: p50, note });
  report.add({ group, what: 'from when it was due, p99', unit: 'ms', figure: p99, target });
}

async function oneByOne({ report }: Context, { sdk }: Taximeter): Promise<void> {
  const latencies: number[] = [];
  for (let sent = 0; sent < SDK_WARM_UP + SDK_EVENTS; sent += 1) {
    const startMs = performance.now();
    const payload = { stripe_customer_id: 'cus_0000', value: '25.50' };
    await sdk.billing.meterEvents.create({ event_name: 'requests', payload });
    latencies.push(performance.now() - startMs);
  }
  const measured = latencies.slice(SDK_WARM_UP);
  const group = 'v1, one SDK client, one event after the other';
  for (const [what, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    report.add({ group, what, unit: 'ms', figure: toFigure([percentile(measured, share)]) });
  }
}
