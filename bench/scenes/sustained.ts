/** The stream for a long while: whether it holds its rate, what piles up, and what it takes of memory. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { rssBytes, stop } from '../measure/processes.ts';
import { toFigure } from '../measure/statistics.ts';
import { atLeast, atMost } from '../report/row.ts';
import { bytesOnDisk } from './bytes-on-disk.ts';
import { withFolder, type Context } from './context.ts';
import { measure, race, type Sample } from './race.ts';
import { describe, ratesOf } from './rates.ts';
import { askSummary, PROBE_EVENTS, startTaximeter, type Taximeter } from './taximeter.ts';
import { enter, NOT_SERVED, toRaceOptions } from './throughput.ts';

const MIB = 1024 * 1024;
const RSS_BYTES_MAX = 1.2e9;
const RSS_BYTES_AN_IDENTIFIER = 30;
/** Of a file that no longer grows: what one more checkpoint may add. */
const GROWTH_MAX = 1.25;
const DUPLICATES = 0.99;
const DUPLICATE_ROUNDS_MAX = 3;

/** On one folder for the long run, on another for identifiers that were sent before. */
export async function sustained(context: Context): Promise<void> {
  const { size } = context;
  await onStream(context, `Stream, ${size.sustainedS} s without a pause`, long);
  await onStream(context, 'Stream, identifiers that were sent before', duplicates);
}

type Entered = NonNullable<Awaited<ReturnType<typeof enter>>>;
type Part = (context: Context, group: string, taximeter: Taximeter, ours: Entered) => Promise<void>;

async function onStream(context: Context, group: string, part: Part): Promise<void> {
  await withFolder(context, async (folder) => {
    const taximeter = await startTaximeter(context.cleanups, join(folder, 'data'));
    const ours = await enter(taximeter, 'stream');
    if (ours !== undefined) await part(context, group, taximeter, ours);
    else {
      const row = { group, what: 'all', unit: 'events/s', figure: undefined } as const;
      context.report.add({ ...row, note: NOT_SERVED });
    }
    await stop(taximeter);
  });
}

async function long(
  context: Context,
  group: string,
  taximeter: Taximeter,
  ours: Entered,
): Promise<void> {
  const watch = new Watch(taximeter);
  const run = await measure(ours, toRaceOptions('stream', context.size.sustainedS));
  watch.end();
  // It waits until everything that was acknowledged is in the usage store.
  const waitMs = await askSummary(taximeter, 'cus_0000');
  reportSustained(context, group, run, watch, waitMs);
  await stop(taximeter);
  const stored = bytesOnDisk(context, group, taximeter.folder);
  const acknowledged = run.events + PROBE_EVENTS;
  context.report.add({
    group,
    what: 'stored, of what was acknowledged',
    unit: '%',
    figure: toFigure([(stored / acknowledged) * 100]),
    target: { text: 'all, once', isMet: stored === acknowledged },
    note: `${stored.toLocaleString('en-US')} of ${acknowledged.toLocaleString('en-US')}`,
  });
}

function reportSustained(
  { report }: Context,
  group: string,
  run: Sample,
  { journalBytes, rss }: Watch,
  waitMs: number,
): void {
  // The last second is not a whole one.
  const rates = run.eachSecond.slice(0, -1);
  const what = 'Taximeter, each second';
  report.add({ group, what, unit: 'events/s', figure: toFigure(rates), note: describe([run]) });
  const half = journalBytes[Math.floor(journalBytes.length / 2)] ?? 0;
  const end = journalBytes.at(-1) ?? 0;
  const growth = toFigure([end / half]);
  report.add({
    group,
    what: 'journal at the end, to half-way',
    unit: '×',
    figure: growth,
    target: atMost(GROWTH_MAX, growth, '×'),
    note: `${Math.round(half / MIB)} MiB half-way, ${Math.round(end / MIB)} MiB at the end`,
  });
  report.add({
    group,
    what: 'then a summary, which waits for all of it',
    unit: 'ms',
    figure: toFigure([waitMs]),
  });
  const peak = toFigure([Math.max(...rss) / MIB]);
  const bound = Math.round((RSS_BYTES_MAX + RSS_BYTES_AN_IDENTIFIER * run.events) / MIB);
  report.add({
    group,
    what: 'RSS, its peak',
    unit: 'MiB',
    figure: peak,
    target: atMost(bound, peak, 'MiB'),
    note: `${run.events.toLocaleString('en-US')} identifiers in the window`,
  });
}

async function duplicates(
  { report, size }: Context,
  group: string,
  _taximeter: Taximeter,
  ours: Entered,
): Promise<void> {
  const unique = { ...ours, name: 'Taximeter, none' };
  const repeated = { ...ours, name: `Taximeter, ${DUPLICATES * 100} %`, duplicates: DUPLICATES };
  const rounds = Math.min(size.rounds, DUPLICATE_ROUNDS_MAX);
  const options = { ...toRaceOptions('stream', size.runS), rounds };
  const samples = await race([unique, repeated], options);
  for (const [what, runs] of samples) {
    report.add({ group, what, unit: 'events/s', figure: ratesOf(runs), note: describe(runs) });
  }
  const [none, most] = [...samples.values()].map((runs) => ratesOf(runs));
  if (none === undefined || most === undefined) return;
  const figure = toFigure([most.median / none.median]);
  const target = atLeast(0.9, figure, '×');
  report.add({ group, what: '  ratio to none', unit: '×', figure, target });
}

/** Looks at the journal's files and the memory of a server until it is ended. */
class Watch {
  readonly journalBytes: number[] = [];
  readonly rss: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor({ folder, child }: Taximeter) {
    this.#timer = setInterval(() => {
      this.journalBytes.push(
        sizeOf(join(folder, 'journal.db')) + sizeOf(join(folder, 'journal.db-wal')),
      );
      this.rss.push(rssBytes(child.pid ?? 0));
    }, 500);
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
