/**
 * `npm run bench`: v1 meter events, whole path, durable. One SDK client after the other; summaries; 64
 * connections beside a bare node:http server, in interleaved runs; restart, memory and disk with EVENTS stored.
 *
 *   node bench/v1.ts [events, 1000000] [rounds, 5] [seconds a run, 5]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { arch, cpus, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Session } from 'chdb';
import Stripe from 'stripe';
import { KEY, load, rssMiB, start, stop, type Running } from './processes.ts';

const [EVENTS = 1_000_000, ROUNDS = 5, SECONDS = 5] = process.argv.slice(2).map(Number);
const CONNECTIONS = 64;

const folder = mkdtempSync(join(tmpdir(), 'taximeter-bench-'));
try {
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, ${platform()} ${arch()}, Node ${process.version}`,
  );
  await bench();
} finally {
  rmSync(folder, { recursive: true });
}

async function bench(): Promise<void> {
  const bare = await start('bare-server.ts');
  const meter = await startMeter();
  const meterId = await createMeter(meter);
  await sequential(meter);
  await readYourWrites(meter, meterId);
  const stored = await besideBareServer(meter, bare);
  await stop(bare);
  await fill(meter, EVENTS - stored);
  console.log(`RSS after the load: ${rssMiB(meter)} MiB`);
  await stop(meter);
  await restart();
  disk();
}

function startMeter(): Promise<Running> {
  return start('../src/main.ts', 'serve', '--port', '0', '--data', folder);
}

function sdk({ port }: Running): Stripe {
  return new Stripe(KEY, { host: '127.0.0.1', port, protocol: 'http' });
}

async function createMeter(meter: Running): Promise<string> {
  const { id } = await sdk(meter).billing.meters.create({
    display_name: 'Requests',
    event_name: 'requests',
    default_aggregation: { formula: 'sum' },
  });
  return id;
}

async function sequential(meter: Running): Promise<void> {
  const stripe = sdk(meter);
  const latenciesMs: number[] = [];
  for (let sent = 0; sent < 3000; sent += 1) {
    const startMs = performance.now();
    const payload = { stripe_customer_id: `cus_${sent % 100}`, value: '25.50' };
    await stripe.billing.meterEvents.create({ event_name: 'requests', payload });
    latenciesMs.push(performance.now() - startMs);
  }
  // The first thousand warm both sides up.
  console.log(`one SDK client, one event after the other: ${percentiles(latenciesMs.slice(1000))}`);
}

/** A summary right after a write, which has to bring the event into the usage store first, and one more. */
async function readYourWrites(meter: Running, meterId: string): Promise<void> {
  const stripe = sdk(meter);
  const startS = Math.floor(Date.now() / 86_400_000 - 30) * 86_400;
  const range = { start_time: startS, end_time: startS + 32 * 86_400 };
  const query = { customer: 'cus_0', ...range, value_grouping_window: 'day' } as const;
  const timed = async (latenciesMs: number[]): Promise<void> => {
    const startMs = performance.now();
    await stripe.billing.meters.listEventSummaries(meterId, query);
    latenciesMs.push(performance.now() - startMs);
  };
  const afterWrite: number[] = [];
  const idle: number[] = [];
  for (let round = 0; round < 150; round += 1) {
    const payload = { stripe_customer_id: 'cus_0', value: '1' };
    await stripe.billing.meterEvents.create({ event_name: 'requests', payload });
    await timed(afterWrite);
    await timed(idle);
  }
  console.log(`a summary (30 days by day) right after a write: ${percentiles(afterWrite)}`);
  console.log(`the same when nothing is waiting: ${percentiles(idle)}`);
}

function percentiles(latenciesMs: readonly number[]): string {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

/** Answers how many events were stored. */
async function besideBareServer(meter: Running, bare: Running): Promise<number> {
  const options = { connections: CONNECTIONS, eventsMax: Infinity, durationMs: SECONDS * 1000 };
  const limits = { ...options, eventsMax: 1e9 };
  const rates: { meter: number; bare: number }[] = [];
  let stored = 0;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const ours = await load({ ...limits, port: meter.port });
    const theirs = await load({ ...limits, port: bare.port });
    stored += ours.answered;
    const rate = { meter: perSecond(ours), bare: perSecond(theirs) };
    console.log(
      `  ${round === 0 ? 'warm-up' : `round ${round}`}: ${rate.meter} events/s ` +
        `(p50 ${ours.p50Ms.toFixed(2)} ms, p99 ${ours.p99Ms.toFixed(2)} ms, ${ours.failed} failed, ` +
        `client ${Math.round(ours.clientCpu * 100)} % of a core), bare ${rate.bare}/s ` +
        `(client ${Math.round(theirs.clientCpu * 100)} %)`,
    );
    if (round > 0) rates.push(rate);
  }
  const ratio = median(rates.map((rate) => rate.meter / rate.bare));
  console.log(
    `${CONNECTIONS} connections: median ${median(rates.map((rate) => rate.meter))} events/s, ` +
      `bare node:http ${median(rates.map((rate) => rate.bare))}/s, ratio ${ratio.toFixed(2)}`,
  );
  return stored;
}

async function fill(meter: Running, events: number): Promise<void> {
  if (events <= 0) return;
  const limits = { connections: CONNECTIONS, eventsMax: events, durationMs: 1e9 };
  const result = await load({ ...limits, port: meter.port });
  console.log(`filled up to ${EVENTS} events at ${perSecond(result)}/s, ${result.failed} failed`);
}

async function restart(): Promise<void> {
  const times: number[] = [];
  let memory = 0;
  for (let time = 0; time < 3; time += 1) {
    const meter = await startMeter();
    times.push(Math.round(meter.readyMs));
    memory = rssMiB(meter);
    await stop(meter);
  }
  console.log(`restart: median ${median(times)} ms to ready, RSS then ${memory} MiB`);
}

function disk(): void {
  const session = new Session(join(folder, 'usage'));
  const bytesAnEvent = (): string =>
    session
      .query(
        `SELECT round(sum(bytes_on_disk) / (SELECT count() FROM events), 1) FROM system.parts
         WHERE active AND table IN ('events', 'usage_hourly', 'cancellations')`,
        'TSV',
      )
      .trim();
  const before = bytesAnEvent();
  for (const table of ['events', 'usage_hourly']) session.query(`OPTIMIZE TABLE ${table} FINAL`);
  console.log(`bytes on disk an event: ${before}, after all merges ${bytesAnEvent()}`);
  session.close();
}

function perSecond({ answered, elapsedMs }: { answered: number; elapsedMs: number }): number {
  return Math.round((answered / elapsedMs) * 1000);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
