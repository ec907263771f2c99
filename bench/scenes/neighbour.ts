/** A quiet account beside a noisy one, which ingests, searches, lists and has alerts as fast as it may. */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import Stripe from 'stripe';
import { loadStore } from '../load-store.ts';
import { EVENT_NAME } from '../load/requests.ts';
import { stop } from '../measure/processes.ts';
import { percentile, ratioOfMedians, toFigure, type Figure } from '../measure/statistics.ts';
import { atMost } from '../report/row.ts';
import { withFolder, type Context } from './context.ts';
import { measure } from './race.ts';
import { askSummary, startTaximeter, type Taximeter } from './taximeter.ts';
import { enter, toRaceOptions } from './throughput.ts';

const GROUP = 'A quiet account beside a noisy one';
/** Of what the quiet account waits when it is alone. */
const RATIO_MAX = 3;
const SEARCHES = 20;
const LISTS = 4;
const ALERTS = 20;
const CUSTOMERS = 1000;
const DAYS = 35;
/** A p99 of fewer is their greatest. */
const ASKS_MIN = 200;
const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;

/** Each thing that the quiet account does, timed: milliseconds. */
type Deeds = Readonly<Record<'v1 event' | 'summary', () => Promise<number>>>;

export async function neighbour(context: Context): Promise<void> {
  const { report, size } = context;
  await withFolder(context, async (folder) => {
    const data = join(folder, 'data');
    await loadStore(data, { events: size.stored[0]!, customers: CUSTOMERS, days: DAYS });
    const noisy = await startTaximeter(context.cleanups, data);
    const quiet = await quietAccount(noisy, data);
    await makeAlerts(noisy);
    const asks = Math.max(size.asks, ASKS_MIN);
    // The first ones warm both sides up.
    await timed(quiet, asks / 4);
    const alone: Latencies[] = [];
    const beside: Latencies[] = [];
    for (let round = 0; round < size.rounds; round += 1) {
      alone.push(await timed(quiet, asks));
      beside.push(await besideNoise(noisy, size.runS, async () => await timed(quiet, asks)));
    }
    for (const what of ['v1 event', 'summary'] as const) {
      const p99 = (runs: readonly Latencies[]): Figure =>
        toFigure(runs.map((run) => percentile(run[what], 0.99)));
      const [before, then] = [p99(alone), p99(beside)];
      const ratio = ratioOfMedians(then, before);
      const target = atMost(RATIO_MAX, ratio, '×');
      report.add({ group: GROUP, what: `${what} alone, p99`, unit: 'ms', figure: before });
      report.add({ group: GROUP, what: `${what} beside the noise, p99`, unit: 'ms', figure: then });
      report.add({ group: GROUP, what: '  ratio', unit: '×', figure: ratio, target });
    }
    await stop(noisy);
  });
}

type Latencies = Readonly<Record<keyof Deeds, number[]>>;

async function quietAccount(taximeter: Taximeter, data: string): Promise<Deeds> {
  const args = [MAIN, 'keys', 'create', '--account', 'acct_quiet', '--data', data];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const [key] = /sk_test_\w+/u.exec(stdout) ?? [];
  if (key === undefined) throw new Error(`No key was made: ${stderr}`);
  const sdk = new Stripe(key, { host: '127.0.0.1', port: taximeter.port, protocol: 'http' });
  const { id: meterId } = await sdk.billing.meters.create({
    display_name: 'Quiet',
    event_name: 'quiet',
    default_aggregation: { formula: 'sum' },
  });
  const payload = { stripe_customer_id: 'cus_quiet', value: '1' };
  const send = async (): Promise<number> => {
    const startMs = performance.now();
    await sdk.billing.meterEvents.create({ event_name: 'quiet', payload });
    return performance.now() - startMs;
  };
  return {
    'v1 event': send,
    summary: async () => await askSummary({ ...taximeter, sdk, meterId }, 'cus_quiet'),
  };
}

async function timed(deeds: Deeds, asks: number): Promise<Latencies> {
  const latencies: Latencies = { 'v1 event': [], summary: [] };
  for (let asked = 0; asked < asks; asked += 1)
    latencies['v1 event'].push(await deeds['v1 event']());
  for (let asked = 0; asked < asks; asked += 1) latencies.summary.push(await deeds.summary());
  return latencies;
}

async function makeAlerts({ sdk, meterId }: Taximeter): Promise<void> {
  for (let n = 1; n <= ALERTS; n += 1) {
    await sdk.billing.alerts.create({
      title: `alert ${n}`,
      alert_type: 'usage_threshold',
      usage_threshold: { meter: meterId, gte: n * 1000, recurrence: 'one_time' },
    });
  }
}

/** Runs `work` while the noisy account does all it can; what is refused is asked for again, after a moment. */
async function besideNoise<T>(noisy: Taximeter, runS: number, work: () => Promise<T>): Promise<T> {
  let isOver = false;
  const ours = await enter(noisy, 'stream');
  const stream = async (): Promise<void> => {
    while (!isOver && ours !== undefined) await measure(ours, toRaceOptions('stream', runS));
  };
  const ask = async (path: string): Promise<void> => {
    const headers = { authorization: `Bearer ${noisy.key}` };
    while (!isOver) {
      const url = `http://127.0.0.1:${noisy.port}/v1/billing/meter_events?${path}`;
      const response = await fetch(url, { headers });
      await response.arrayBuffer();
      if (!response.ok) await new Promise((resolve) => setTimeout(resolve, REFUSED_PAUSE_MS));
    }
  };
  const noise = [
    stream(),
    ...Array.from({ length: SEARCHES }, () => ask(`status=counted&payload[model]=${randomUUID()}`)),
    ...Array.from({ length: LISTS }, () => ask(`limit=100&event_name=${EVENT_NAME}`)),
  ];
  try {
    return await work();
  } finally {
    isOver = true;
    await Promise.all(noise);
  }
}

const REFUSED_PAUSE_MS = 50;
