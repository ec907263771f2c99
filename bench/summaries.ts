/**
 * Summaries, 30 days by day, one customer drawn anew each time, with so many millions of events stored:
 * over HTTP by the official SDK with nothing else going on; and in the engine alone, beside nothing, beside
 * a writer that inserts as fast as it can, and beside look-ups of events by identifier.
 *
 *   node bench/summaries.ts [millions, 1,10] [asks a round, 100] [rounds, 5] [other checkout]
 *
 * Another checkout of this repository takes turns with this one, round by round, each on folders of its own,
 * so that what the machine does in between befalls both. Loaded folders are kept for the next run in
 * TAXIMETER_BENCH_FOLDERS when that is set: `0/10` holds 10 million for this checkout, `1/10` for the other.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import Stripe from 'stripe';
import { Cleanups } from './measure/cleanups.ts';
import { start, stop } from './measure/processes.ts';
import type { ReaderOptions, ReaderResult } from './summary-reader.ts';

const KEY = 'sk_test_bench0123456789abcdef01';
const CUSTOMERS = 1000;
const DAY_S = 86_400;
const WARM_UP_ASKS = 20;

const [millions = '1,10', asksText = '100', roundsText = '5', ...others] = process.argv.slice(2);
const asks = Number(asksText);
const checkouts = [resolve(import.meta.dirname, '..'), ...others.map((path) => resolve(path))];
const run = promisify(execFile);
const cleanups = new Cleanups();

type Setting = 'over HTTP' | ReaderOptions['beside'];
const SETTINGS: readonly Setting[] = ['over HTTP', 'nothing', 'look-ups', 'a writer'];

const kept = process.env['TAXIMETER_BENCH_FOLDERS'];
const folders = kept ?? mkdtempSync(join(tmpdir(), 'taximeter-bench-'));
try {
  for (const stored of millions.split(',')) await measure(stored);
} finally {
  if (kept === undefined) rmSync(folders, { recursive: true });
}

async function measure(stored: string): Promise<void> {
  for (const number of checkouts.keys()) await fill(number, stored);
  for (const setting of SETTINGS) {
    const results = checkouts.map((): ReaderResult[] => []);
    for (let round = 0; round < Number(roundsText); round += 1) {
      for (const [number, of] of results.entries()) of.push(await ask(number, stored, setting));
    }
    for (const [number, of] of results.entries()) {
      const which = number === 0 ? 'this checkout ' : 'other checkout';
      console.log(`${stored.padStart(3)} M stored, ${label(setting)} ${which} ${describe(of)}`);
    }
  }
}

function label(setting: Setting): string {
  return (setting === 'over HTTP' ? setting : `beside ${setting}`).padEnd(16);
}

function describe(results: readonly ReaderResult[]): string {
  const sorted = results.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1).padStart(6);
  const beside = results.map(({ besidePerSecond }) => besidePerSecond).sort((a, b) => a - b);
  const rate = beside[Math.floor(beside.length / 2)] ?? 0;
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms${rate > 0 ? `, beside it ${rate}/s` : ''}`;
}

function folderOf(number: number, stored: string): string {
  return join(folders, String(number), stored);
}

/** By each checkout's own loader: an older one does not open a folder that a newer one made. */
async function fill(number: number, stored: string): Promise<void> {
  const folder = folderOf(number, stored);
  if (existsSync(folder)) return;
  const loader = join(checkouts[number] ?? '', 'bench/load-store.ts');
  await run(process.execPath, [loader, folder, `${stored}000000`, String(CUSTOMERS)]);
}

async function ask(number: number, stored: string, setting: Setting): Promise<ReaderResult> {
  const folder = folderOf(number, stored);
  const checkout = checkouts[number] ?? '';
  if (setting === 'over HTTP') return await askOverHttp(checkout, folder);
  const options: ReaderOptions = { checkout, folder, customers: CUSTOMERS, asks, beside: setting };
  const reader = join(import.meta.dirname, 'summary-reader.ts');
  const { stdout } = await run(process.execPath, [reader, JSON.stringify(options)]);
  return JSON.parse(stdout) as ReaderResult;
}

async function askOverHttp(checkout: string, folder: string): Promise<ReaderResult> {
  // Of identifiers, one day's: what is not asked here need not be read for it.
  const flags = ['--port', '0', '--data', folder, '--identifier-window-days', '1'];
  const env = { TAXIMETER_SECRET_KEY: KEY };
  const meter = await start(cleanups, join(checkout, 'src/main.ts'), ['serve', ...flags], env);
  const stripe = new Stripe(KEY, { host: '127.0.0.1', port: meter.port, protocol: 'http' });
  const [{ id } = { id: '' }] = (await stripe.billing.meters.list()).data;
  const endS = Math.floor(Date.now() / 1000 / DAY_S) * DAY_S;
  const range = { start_time: endS - 30 * DAY_S, end_time: endS } as const;
  const latenciesMs: number[] = [];
  for (let asked = 0; asked < WARM_UP_ASKS + asks; asked += 1) {
    const customer = `cus_${Math.floor(Math.random() * CUSTOMERS)}`;
    const query = { customer, ...range, value_grouping_window: 'day', limit: 100 } as const;
    const startMs = performance.now();
    const { data } = await stripe.billing.meters.listEventSummaries(id, query);
    if (asked >= WARM_UP_ASKS) latenciesMs.push(performance.now() - startMs);
    if (data.length < 29) throw new Error(`${customer} has ${data.length} days.`);
  }
  await stop(meter);
  return { latenciesMs, besidePerSecond: 0 };
}
