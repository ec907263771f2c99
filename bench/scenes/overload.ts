/** Far more than the server can do: what gets through, how long that waits, and what it takes of memory. */
import { join } from 'node:path';
import type { Kind } from '../load/requests.ts';
import { rssBytes, start, stop } from '../measure/processes.ts';
import { toFigure } from '../measure/statistics.ts';
import { atLeast } from '../report/row.ts';
import { CONNECTIONS, withFolder, type Context } from './context.ts';
import { measure, race, type Contestant, type Sample } from './race.ts';
import { describe, ratesOf } from './rates.ts';
import { startTaximeter, type Taximeter } from './taximeter.ts';
import { enter, NOT_SERVED, toRaceOptions } from './throughput.ts';

/** Times the peak that was measured just before. */
const OVERLOAD = 2;
const GOODPUT_MIN = 0.9;
/** Requests that wait in the server: each connection has one. */
const CROWDS = [1000, 8000];
/** A connection's first request is dearer than the next: so many come from each, within reason. */
const REQUESTS_EACH = 5;
const CROWD_S_MAX = 30;
const IDLE = 5000;
const DRIPPING = 2000;
const HOT = 0.5;
const ROUNDS_MAX = 3;
const MIB = 1024 * 1024;

export async function overload(context: Context): Promise<void> {
  for (const kind of ['v1', 'stream'] as const) {
    await withFolder(context, async (folder) => {
      const taximeter = await startTaximeter(context.cleanups, join(folder, 'data'));
      const ours = await enter(taximeter, kind);
      if (ours === undefined) {
        const row = { what: 'all', unit: 'events/s', figure: undefined, note: NOT_SERVED } as const;
        context.report.add({ group: groupOf(kind), ...row });
      } else await onKind(context, taximeter, ours, kind);
      await stop(taximeter);
    });
  }
}

async function onKind(
  context: Context,
  taximeter: Taximeter,
  ours: Contestant,
  kind: Kind,
): Promise<void> {
  await measure(ours, toRaceOptions(kind, context.size.openLoopS));
  for (const connections of CROWDS) await crowd(context, taximeter, ours, kind, connections);
  await loiterers(context, taximeter, ours, kind);
  await hotCustomer(context, ours, kind);
}

/** An open loop at twice the peak: whatever the server does, each of its connections has a request for it. */
async function crowd(
  { report, size }: Context,
  { child }: Taximeter,
  ours: Contestant,
  kind: Kind,
  connections: number,
): Promise<void> {
  const shown = connections.toLocaleString('en-US');
  const group = `${groupOf(kind)}: ${OVERLOAD} × its peak is due, over ${shown} connections`;
  const options = toRaceOptions(kind, size.openLoopS);
  const peaks: Sample[] = [];
  const crowded: Sample[] = [];
  const rss: number[] = [];
  for (let round = 0; round < Math.min(size.rounds, ROUNDS_MAX); round += 1) {
    const peak = await measure(ours, options);
    const peakPerS = peak.eventsPerS / options.batch;
    const crowdS = Math.min(CROWD_S_MAX, (REQUESTS_EACH * connections) / peakPerS);
    const durationMs = Math.max(options.durationMs, 1000 * crowdS);
    const due = { connections, durationMs, requestsPerS: OVERLOAD * peakPerS };
    peaks.push(peak);
    crowded.push(await measure(ours, { ...options, ...due, mayRefuse: true }));
    rss.push(rssBytes(child.pid ?? 0) / MIB);
  }
  const what = `its peak, a closed loop over ${CONNECTIONS}`;
  report.add({ group, what, unit: 'events/s', figure: ratesOf(peaks), note: describe(peaks) });
  const through = {
    what: 'what gets through',
    unit: 'events/s',
    figure: ratesOf(crowded),
  } as const;
  report.add({ group, ...through, note: describe(crowded) });
  const ratio = toFigure(crowded.map((run, i) => run.eventsPerS / (peaks[i]?.eventsPerS ?? NaN)));
  const target = atLeast(GOODPUT_MIN, ratio, '×');
  report.add({ group, what: '  ratio to the peak', unit: '×', figure: ratio, target });
  const refused = toFigure(crowded.map((run) => (run.failed / run.requests) * 100));
  report.add({ group, what: '  refused with 429', unit: '%', figure: refused });
  reportWaits(report, group, crowded);
  report.add({ group, what: '  RSS afterwards', unit: 'MiB', figure: toFigure(rss) });
}

function reportWaits(report: Context['report'], group: string, runs: readonly Sample[]): void {
  for (const [what, of] of [
    ['  from when it was sent, p50', (run: Sample) => run.sentP50Ms],
    ['  from when it was sent, p99', (run: Sample) => run.sentP99Ms],
  ] as const) {
    report.add({ group, what, unit: 'ms', figure: toFigure(runs.map(of)) });
  }
}

/** Honest clients at half of the peak, without and with thousands of connections beside them that only take room. */
async function loiterers(
  { cleanups, report, size }: Context,
  { port }: Taximeter,
  ours: Contestant,
  kind: Kind,
): Promise<void> {
  const group = `${groupOf(kind)}: half of its peak is due, beside ${IDLE} idle and ${DRIPPING} dripping connections`;
  const options = toRaceOptions(kind, size.openLoopS);
  const peak = await measure(ours, options);
  const requestsPerS = peak.eventsPerS / options.batch / 2;
  const rounds = Math.min(size.rounds, ROUNDS_MAX);
  const alone: Sample[] = [];
  const beside: Sample[] = [];
  for (let round = 0; round < rounds; round += 1) {
    alone.push(await measure(ours, { ...options, requestsPerS }));
    const args = [port, IDLE, DRIPPING].map(String);
    const crowd = await start(cleanups, 'load/loiterers.ts', args);
    beside.push(await measure(ours, { ...options, requestsPerS }));
    crowd.child.kill('SIGKILL');
  }
  for (const [what, runs] of [
    ['without them', alone],
    ['beside them', beside],
  ] as const) {
    report.add({ group, what, unit: 'events/s', figure: ratesOf(runs), note: describe(runs) });
    reportWaits(report, group, runs);
  }
}

async function hotCustomer({ report, size }: Context, ours: Contestant, kind: Kind): Promise<void> {
  const group = `${groupOf(kind)}: one customer has half of all events`;
  const hot = { ...ours, name: 'one has half', hot: HOT };
  const even = { ...ours, name: 'all alike' };
  const rounds = Math.min(size.rounds, ROUNDS_MAX);
  const samples = await race([even, hot], { ...toRaceOptions(kind, size.runS), rounds });
  for (const [what, runs] of samples) {
    report.add({ group, what, unit: 'events/s', figure: ratesOf(runs), note: describe(runs) });
  }
}

function groupOf(kind: Kind): string {
  return kind === 'v1' ? 'Overload, v1' : 'Overload, the stream';
}
