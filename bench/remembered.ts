/**
 * What remembering hashes costs: N random ones over 35 periods, as if rebuilt, then asked while the window is full.
 *
 *   node bench/remembered.ts [hashes, 10000000] [recentMax, 16000000]
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { cpus, platform, arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Remembered } from '../src/dedup/dedup-set.ts';

const [HASHES = 10_000_000, RECENT_MAX = 16_000_000] = process.argv.slice(2).map(Number);
const PERIODS = 35;
const FIRST_PERIOD = 20_000;
const NOW = FIRST_PERIOD + PERIODS - 1;
const ASKS = 1_000_000;
/** How often the event loop gets a turn, as it would between requests. */
const TURN = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'taximeter-remembered-'));
const hash = new Uint32Array(4);
const open = (): Remembered =>
  Remembered.open({
    folder,
    owner: 'bench',
    lastPosition: HASHES,
    windowPeriods: PERIODS,
    recentMax: RECENT_MAX,
    onFailure: (error) => {
      throw error;
    },
  });

try {
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, ${platform()} ${arch()}, Node ${process.version}`,
  );
  await bench();
} finally {
  rmSync(folder, { recursive: true });
}

async function bench(): Promise<void> {
  const remembered = open();
  await remembered.rebuilt(0);
  await addAbsent(remembered, 'an empty window', 0, Math.min(ASKS, HASHES));
  await fill(remembered, Math.min(ASKS, HASHES), HASHES);
  show('in memory', remembered);
  await sealRest(remembered);
  show('all in runs', remembered);
  await addPresent(remembered, 'in runs', 0, HASHES);
  await addAbsent(remembered, 'a full window', HASHES, HASHES + ASKS);
  await addPresent(remembered, 'in the table', HASHES, HASHES + ASKS);
  await remembered.close();
  const startMs = performance.now();
  const again = open();
  console.log(`reopening ${again.size} entries: ${(performance.now() - startMs).toFixed(0)} ms`);
  await again.close();
}

async function fill(remembered: Remembered, from: number, to: number): Promise<void> {
  const startMs = performance.now();
  let slowestTurnMs = 0;
  for (let i = from; i < to; i += TURN) {
    const turnMs = performance.now();
    for (let j = i; j < Math.min(to, i + TURN); j += 1) {
      hashOf(j, hash);
      remembered.add(hash, FIRST_PERIOD + Math.floor((j / HASHES) * PERIODS));
    }
    remembered.sealIfDue(i + TURN, NOW, async () => undefined);
    slowestTurnMs = Math.max(slowestTurnMs, performance.now() - turnMs);
    await new Promise(setImmediate);
  }
  const ns = ((performance.now() - startMs) * 1e6) / (to - from);
  console.log(
    `filling to ${to}: ${ns.toFixed(0)} ns an add, seals and merges beside it; the slowest ${TURN} adds ` +
      `took ${slowestTurnMs.toFixed(0)} ms`,
  );
  const idleMs = performance.now();
  await remembered.idle();
  console.log(`seals and merges went on for ${(performance.now() - idleMs).toFixed(0)} ms`);
}

async function sealRest(remembered: Remembered): Promise<void> {
  const { recent } = remembered;
  const startMs = performance.now();
  remembered.sealIfDue(HASHES, NOW + 2, async () => undefined);
  await remembered.idle();
  const ms = performance.now() - startMs;
  console.log(`sealing ${recent - remembered.recent} entries, and merging: ${ms.toFixed(0)} ms`);
}

async function addAbsent(remembered: Remembered, what: string, from: number, to: number) {
  let present = 0;
  const ns = await timed(from, to, (i) => {
    hashOf(i, hash);
    if (remembered.add(hash, NOW) === 'present') present += 1;
  });
  console.log(`an absent one, ${what}: ${ns} ns an add (${present} false)`);
}

async function addPresent(remembered: Remembered, what: string, from: number, to: number) {
  let absent = 0;
  const asks = Math.min(ASKS, to - from);
  const ns = await timed(0, asks, (i) => {
    // A prime far from any power of two, so that the order of asking is not that of adding.
    hashOf(from + ((i * 7_368_787) % (to - from)), hash);
    if (remembered.add(hash, NOW) === 'added') absent += 1;
  });
  console.log(`a present one, ${what}: ${ns} ns an add (${absent} missed)`);
}

async function timed(from: number, to: number, ask: (i: number) => void): Promise<string> {
  let spentMs = 0;
  for (let i = from; i < to; i += TURN) {
    const startMs = performance.now();
    for (let j = i; j < Math.min(to, i + TURN); j += 1) ask(j);
    spentMs += performance.now() - startMs;
    await new Promise(setImmediate);
  }
  return ((spentMs * 1e6) / (to - from)).toFixed(0);
}

function show(when: string, remembered: Remembered): void {
  const { size, recent, bytes } = remembered;
  const onDisk = readdirSync(folder).map((file) => statSync(join(folder, file)).size);
  const total = onDisk.reduce((sum, each) => sum + each, 0);
  console.log(
    `${when}: ${size} entries, ${recent} of them recent; ${(bytes / size).toFixed(2)} bytes each in memory, ` +
      `${(total / size).toFixed(2)} on disk in ${onDisk.length} files; RSS ` +
      `${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`,
  );
}

/** Well spread words from a counter: the finalizer of MurmurHash3. */
function hashOf(i: number, out: Uint32Array): void {
  for (let word = 0; word < 4; word += 1) {
    let x = Math.imul(i + 1, 0x9e3779b1) + Math.imul(word + 1, 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    out[word] = x ^ (x >>> 16);
  }
}
