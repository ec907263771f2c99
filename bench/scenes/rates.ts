/** Rows of a race: what each server did, and how Taximeter stands to it. */
import { ratioOfMedians, toFigure, type Figure } from '../measure/statistics.ts';
import type { Report } from '../report/report.ts';
import { atLeast } from '../report/row.ts';
import { BARE, POSTGRES } from './peers.ts';
import type { Sample } from './race.ts';

export const TAXIMETER = 'Taximeter';
export type Samples = ReadonlyMap<string, readonly Sample[]>;

/** Taximeter's rate over the other's, with the target it has. */
export type RatioTargets = Readonly<Record<string, number>>;

export function reportRace(
  report: Report,
  group: string,
  samples: Samples,
  targets: RatioTargets,
): void {
  for (const [what, runs] of samples) {
    report.add({ group, what, unit: 'events/s', figure: ratesOf(runs), note: describe(runs) });
  }
  const ours = samples.get(TAXIMETER);
  if (ours === undefined) return;
  for (const [name, runs] of samples) {
    if (name === TAXIMETER) continue;
    const figure = ratioOfMedians(ratesOf(ours), ratesOf(runs));
    const target = targets[name];
    report.add({
      group,
      what: `  ratio to ${name}`,
      unit: '×',
      figure,
      target: target === undefined ? undefined : atLeast(target, figure, '×'),
    });
  }
}

export const STREAM_TARGETS: RatioTargets = { [BARE]: 0.3, [POSTGRES]: 5 };
export const V1_TARGETS: RatioTargets = { [BARE]: 0.6, [POSTGRES]: 5 };

export function ratesOf(runs: readonly Sample[]): Figure {
  return toFigure(runs.map((run) => run.eventsPerS));
}

/** The medians beside a rate: latency, what the server's CPU did, and what the client took of a core. */
export function describe(runs: readonly Sample[]): string {
  const median = (of: (run: Sample) => number): number => toFigure(runs.map(of)).median;
  return [
    `p50 ${median((run) => run.p50Ms).toFixed(1)} ms`,
    `p99 ${median((run) => run.p99Ms).toFixed(1)} ms`,
    `server ${median((run) => run.serverCpuSPerMillion).toFixed(1)} CPU-s/M events`,
    `client ${(median((run) => run.clientCpu) * 100).toFixed(0)} % of a core, ` +
      `${median((run) => run.clientUsAnEvent).toFixed(2)} µs/event`,
  ].join(', ');
}
