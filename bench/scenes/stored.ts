/** With events stored, over 35 days: what a summary takes, a restart, and the disk. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { rssBytes, stop } from '../measure/processes.ts';
import { percentile, toFigure, type Figure } from '../measure/statistics.ts';
import { atMost, type Target } from '../report/row.ts';
import { bytesOnDisk } from './bytes-on-disk.ts';
import { withFolder, type Context } from './context.ts';
import { measure } from './race.ts';
import { askSummary, startTaximeter, type Taximeter } from './taximeter.ts';
import { enter, toRaceOptions } from './throughput.ts';

const IDLE_P50_MAX_MS = 10;
const BUSY_P99_MAX_MS = 250;
const MORE_STORED_MAX = 1.5;
const RESTART_MAX_S = 10;
const RESTARTS = 3;
const CUSTOMERS = 1000;
const DAYS = 35;
const MIB = 1024 * 1024;

type LoadStore = (
  folder: string,
  options: { events: number; customers: number; days: number },
) => Promise<unknown>;

export async function stored(context: Context): Promise<void> {
  const loadStore = await findLoader();
  const idle: Figure[] = [];
  for (const events of context.size.stored) {
    const group = `With ${events.toLocaleString('en-US')} events stored`;
    if (loadStore === undefined) {
      const note = 'bench/load-store.ts is not there';
      context.report.add({ group, what: 'all', unit: 'ms', figure: undefined, note });
      continue;
    }
    await withFolder(context, async (folder) => {
      const data = join(folder, 'data');
      await loadStore(data, { events, customers: CUSTOMERS, days: DAYS });
      await restarts(context, group, data);
      const taximeter = await startTaximeter(context.cleanups, data);
      idle.push(await idleSummaries(context, group, taximeter));
      await summariesAfterWrites(context, group, taximeter);
      await summariesUnderLoad(context, group, taximeter);
      await stop(taximeter);
      bytesOnDisk(context, group, data);
    });
  }
  compareStored(context, idle);
}

async function findLoader(): Promise<LoadStore | undefined> {
  const url = new URL('../load-store.ts', import.meta.url);
  if (!existsSync(url)) return undefined;
  return ((await import(url.href)) as { loadStore: LoadStore }).loadStore;
}

async function restarts({ cleanups, report }: Context, group: string, data: string): Promise<void> {
  const seconds: number[] = [];
  const resident: number[] = [];
  for (let time = 0; time < RESTARTS; time += 1) {
    const taximeter = await startTaximeter(cleanups, data);
    seconds.push(taximeter.readyMs / 1000);
    resident.push(rssBytes(taximeter.child.pid ?? 0) / MIB);
    await stop(taximeter);
  }
  const figure = toFigure(seconds);
  const target = atMost(RESTART_MAX_S, figure, 's');
  const note = `then ${Math.round(toFigure(resident).median)} MiB resident`;
  report.add({ group, what: 'restart, until it is ready', unit: 's', figure, target, note });
}

/** Answers the p50 of each round. */
async function idleSummaries(
  context: Context,
  group: string,
  taximeter: Taximeter,
): Promise<Figure> {
  const ask = (): Promise<number> => askSummary(taximeter, someCustomer());
  return await timed(context, group, 'a summary, 30 days by day', ask, (p50) =>
    atMost(IDLE_P50_MAX_MS, p50, 'ms'),
  );
}

async function summariesAfterWrites(
  context: Context,
  group: string,
  taximeter: Taximeter,
): Promise<void> {
  const ask = async (): Promise<number> => {
    const payload = { stripe_customer_id: 'cus_0', value: '1' };
    await taximeter.sdk.billing.meterEvents.create({ event_name: 'requests', payload });
    return await askSummary(taximeter, 'cus_0');
  };
  await timed(context, group, 'the same right after a write', ask);
}

/** Rounds of `ask`: rows for their p50 and p99. Answers the p50s. */
async function timed(
  { report, size }: Context,
  group: string,
  what: string,
  ask: () => Promise<number>,
  targetOfP50?: (p50: Figure) => Target,
): Promise<Figure> {
  const rounds: number[][] = [];
  for (let round = 0; round <= size.rounds; round += 1) {
    const latencies: number[] = [];
    for (let asked = 0; asked < size.asks; asked += 1) latencies.push(await ask());
    // The first round warms up.
    if (round > 0) rounds.push(latencies);
  }
  const p50 = toFigure(rounds.map((latencies) => percentile(latencies, 0.5)));
  const p99 = toFigure(rounds.map((latencies) => percentile(latencies, 0.99)));
  report.add({ group, what: `${what}, p50`, unit: 'ms', figure: p50, target: targetOfP50?.(p50) });
  report.add({ group, what: `${what}, p99`, unit: 'ms', figure: p99 });
  return p50;
}

/** Summaries one after the other for as long as the load lasts: the stream, or v1 where that is not served. */
async function summariesUnderLoad(
  { report, size }: Context,
  group: string,
  taximeter: Taximeter,
): Promise<void> {
  const stream = await enter(taximeter, 'stream');
  const ours = stream ?? (await enter(taximeter, 'v1'));
  if (ours === undefined) return;
  const options = toRaceOptions(stream === undefined ? 'v1' : 'stream', size.openLoopS);
  const p99s: number[] = [];
  let asked = 0;
  let eventsPerS = 0;
  for (let round = 0; round < size.rounds; round += 1) {
    const latencies: number[] = [];
    let isOver = false;
    const run = measure(ours, options).finally(() => {
      isOver = true;
    });
    while (!isOver) latencies.push(await askSummary(taximeter, someCustomer()));
    ({ eventsPerS } = await run);
    // The last one ended without the load.
    p99s.push(percentile(latencies.length > 1 ? latencies.slice(0, -1) : latencies, 0.99));
    asked += latencies.length;
  }
  const figure = toFigure(p99s);
  const load = stream === undefined ? 'v1' : 'the stream';
  report.add({
    group,
    what: `a summary while ${load} runs at full speed, p99`,
    unit: 'ms',
    figure,
    target: atMost(BUSY_P99_MAX_MS, figure, 'ms'),
    note: `${asked} asked; ${Math.round(eventsPerS).toLocaleString('en-US')} events/s meanwhile`,
  });
}

function compareStored({ report, size }: Context, idle: readonly Figure[]): void {
  const [first, last] = [idle[0], idle.at(-1)];
  if (first === undefined || last === undefined || first === last) return;
  const figure = toFigure([last.median / first.median]);
  report.add({
    group: 'Summaries, as more is stored',
    what: `p50 with ${size.stored.at(-1)?.toLocaleString('en-US')} events to p50 with the fewest`,
    unit: '×',
    figure,
    target: atMost(MORE_STORED_MAX, figure, '×'),
  });
}

/** The loader's names. */
function someCustomer(): string {
  return `cus_${Math.floor(Math.random() * CUSTOMERS)}`;
}
