/** A soak: mixed load, random faults, and summaries compared all the while with a count of our own. */
import { setTimeout as delay } from 'node:timers/promises';
import { DiskFaults } from '../support/disk-faults.ts';
import { createMeter } from '../support/fixtures.ts';
import { newRandom } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import { newFolder, removeFolder, runCli, Server } from '../support/server.ts';
import { auditAll } from './audit.ts';
import { ALL, JOURNAL_BYTES_MAX, STOP_SECONDS, SURVIVED } from './faults.ts';
import { newLane, run, type Lane } from './lane.ts';
import { METERS, type MeterName } from './tally.ts';
import { sample, slopes, type Sample } from './watch.ts';
import { World } from './world.ts';

export type SoakOptions = {
  readonly seconds: number;
  readonly seed?: number | undefined;
  readonly requestsPerS: number;
  /** The mean pause between two faults. */
  readonly faultPauseS: number;
};
export type SoakReport = Awaited<ReturnType<typeof soak>>;

const LANES = 8;
const CUSTOMERS_A_LANE = 3;
const SAMPLE_MS = 5000;
/** Kills and restarts come in every second phase only, so that lives of the others are long enough to show growth. */
const PHASE_S_MAX = 3600;
const PHASES = 2;

/** Runs for so long, or until `stopped`. */
export async function soak(options: SoakOptions, stopped: AbortSignal) {
  const folder = newFolder();
  const disk = DiskFaults.in(folder);
  if (disk === undefined) throw new Error('A soak needs Linux and a C compiler.');
  const random = newRandom(options.seed);
  console.log(`seed ${random.seed}`);
  const args = ['--journal-bytes-max', String(JOURNAL_BYTES_MAX)];
  args.push('--stop-seconds', String(STOP_SECONDS), '--read-seconds', '5');
  const server = await Server.start({ args, env: disk.env });
  try {
    const world = new World(server, random, await createMeters(server));
    const lanes = Array.from({ length: LANES }, (_, n) =>
      newLane(Array.from({ length: CUSTOMERS_A_LANE }, (_, m) => `lane${n}-${m}`)),
    );
    const flood = newLane(['flood']);
    const samples: Sample[] = [];
    const startMs = performance.now();
    const elapsedS = (): number => (performance.now() - startMs) / 1000;
    const watching = watch(world, samples, elapsedS);
    const pauseMs = (1000 * LANES) / options.requestsPerS;
    const running = lanes.map(async (lane) => await run(world, lane, pauseMs));
    await befall(world, disk, flood, options, elapsedS, stopped);
    const seconds = elapsedS();
    world.isOver = true;
    await Promise.all(running);
    clearInterval(watching);
    await checkEnd(world, [...lanes, flood]);
    return toReport(world, samples, seconds);
  } finally {
    disk.end();
    await server.remove();
    removeFolder(folder);
  }
}

async function createMeters(server: Server): Promise<ReadonlyMap<MeterName, string>> {
  const ids = new Map<MeterName, string>();
  for (const [event_name, fields] of Object.entries(METERS)) {
    const { id } = await createMeter(newClient(server), { event_name, ...fields });
    ids.set(event_name as MeterName, id);
  }
  return ids;
}

/** One fault after the other until the time is over. */
async function befall(
  world: World,
  disk: DiskFaults,
  flood: Lane,
  { seconds, faultPauseS }: SoakOptions,
  elapsedS: () => number,
  stopped: AbortSignal,
): Promise<void> {
  const { random, server } = world;
  const phaseS = Math.min(PHASE_S_MAX, seconds / PHASES);
  for (;;) {
    const pauseMs = random.below(2000 * faultPauseS);
    const leftMs = (seconds - elapsedS()) * 1000;
    await delay(Math.min(pauseMs, Math.max(0, leftMs)), undefined, { signal: stopped }).catch(
      () => undefined,
    );
    if (elapsedS() >= seconds || stopped.aborted) return;
    const isStormy = Math.floor(elapsedS() / phaseS) % 2 === 0;
    const [name, fault] = random.pick(Object.entries(isStormy ? ALL : SURVIVED));
    console.log(`${Math.round(elapsedS())} s: ${name}`);
    world.faults[name] = (world.faults[name] ?? 0) + 1;
    await fault(world, disk, flood);
    const died = await Promise.race([server.exited, delay(0)]);
    if (died === undefined) continue;
    world.differs(`the server died on its own: ${died.code} ${died.signal} ${died.stderr}`);
    await server.restart();
  }
}

/** Everything once more, also after a clean restart; and the server's own audit. */
async function checkEnd(world: World, lanes: readonly Lane[]): Promise<void> {
  const { server } = world;
  for (const lane of lanes) await auditAll(world, lane);
  const { code, stderr } = await server.stop();
  if (code !== 0) world.differs(`the last stop ended with ${code}: ${stderr}`);
  const audit = await runCli(['audit', '--data', server.folder]);
  if (audit.code !== 0) world.differs(`taximeter audit: ${audit.stdout}${audit.stderr}`);
  await server.restart();
  for (const lane of lanes) await auditAll(world, lane);
}

function watch(world: World, samples: Sample[], elapsedS: () => number): NodeJS.Timeout {
  let [life, pid, bornS] = [0, 0, 0];
  return setInterval(() => {
    if (world.server.pid !== pid) [life, pid, bornS] = [life + 1, world.server.pid, elapsedS()];
    const atS = elapsedS();
    const taken = sample(pid, { life, ageS: atS - bornS, atS, events: world.counts.events });
    if (taken !== undefined) samples.push(taken);
  }, SAMPLE_MS);
}

function toReport(world: World, samples: readonly Sample[], seconds: number) {
  const { random, counts, retries, faults, differences, details } = world;
  const rss = samples.map(({ rssMib }) => rssMib);
  const files = samples.map((one) => one.files);
  return {
    seed: random.seed,
    seconds: Math.round(seconds),
    ...counts,
    faults: { all: Object.values(faults).reduce((sum, count) => sum + count, 0), ...faults },
    retries,
    lives: samples.at(-1)?.life ?? 1,
    differences,
    details,
    rssMibMax: Math.max(...rss),
    filesMax: Math.max(...files),
    slopes: slopes(samples),
    samples,
  };
}
