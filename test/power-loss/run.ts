/**
 * `npm run powerloss -- --long`: for each file system, cuts of power near inserts and by time, before the first event, after merges, and in
 * recoveries of cuts. Prints each state that breaks a promise, and how many there were; exits 1 when there was one. As root.
 *
 *   node test/power-loss/run.ts [--long | --points N] [--fs ext4,xfs,btrfs] [--seed N] [--minutes N] [--out FOLDER]
 *     --points    cuts of each recording, 12 unless told; --long is 70
 *     --seconds   how long each recording is: 12 unless told; five times as long the one in which parts are merged and removed
 *     --fs        also ext2, which has no journal that brings more to disk than what is synced
 *     --minutes   no further recording is begun after so long; Ctrl-C ends after the state that is looked at
 *     --break     with one of the faults of broken.ts in a copy of the sources: it must be found
 *     --again     judges the cuts AT:MODE,… of a recording (a folder below --out) once more
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { newRandom } from '../support/random.ts';
import { nowMs } from '../support/times.ts';
import { breakSources, FAULTS, type FaultName } from './broken.ts';
import type { Judged, RecordOptions, Setting, Where } from './campaign.ts';
import { FILE_SYSTEMS, noPowerCuts, type FileSystem } from './disk.ts';
import type { Cut, Mode } from './images.ts';

const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    points: { type: 'string' },
    fs: { type: 'string', default: FILE_SYSTEMS.join(',') },
    seed: { type: 'string' },
    seconds: { type: 'string', default: '12' },
    minutes: { type: 'string', default: '100000' },
    out: { type: 'string' },
    break: { type: 'string' },
    again: { type: 'string' },
  },
});

const out = values.out ?? mkdtempSync(join(tmpdir(), 'taximeter-power-loss-'));
const points = Number(values.points ?? (values.long ? 70 : 12));
const { seed } = newRandom(values.seed === undefined ? undefined : Number(values.seed));
const seconds = Number(values.seconds);
let endMs = nowMs() + Number(values.minutes) * 60_000;
let isInterrupted = false;
// A disk that stays mounted is nothing to leave behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    isInterrupted = true;
    endMs = 0;
  });
}
const fault = values.break as FaultName | undefined;
if (fault !== undefined) {
  if (!(fault in FAULTS)) throw new Error(`--break is one of ${Object.keys(FAULTS).join(', ')}`);
  // Before anything looks what is under test.
  process.env['TAXIMETER_UNDER_TEST'] = breakSources(fault, join(out, fault));
}
const { drawCuts, judgeCuts, record, writeDown } = await import('./campaign.ts');
const { Recording } = await import('./images.ts');

type Scene = {
  readonly name: string;
  readonly setting: Omit<Setting, 'work' | 'seed'>;
  readonly options: RecordOptions;
  readonly wheres: readonly Where[];
};

/** What is recorded on one file system. The sync that takes longer makes more cuts fall into the middle of something. */
function scenesOf(fs: FileSystem): readonly Scene[] {
  const first: Where = { cuts: Math.ceil(points / 5), nearInserts: 0, when: 'before' };
  const late = (nearInserts: number): Where => ({ cuts: points, nearInserts, when: 'after' });
  return [
    {
      name: `${fs}`,
      setting: { fs },
      options: { seconds, backsUp: true },
      wheres: [first, late(0.7)],
    },
    {
      name: `${fs}-slow`,
      setting: { fs, syncUs: 2000, ...(fs === 'ext4' ? { mountOptions: 'data=writeback' } : {}) },
      options: { seconds, backsUp: true },
      wheres: [first, late(0)],
    },
    {
      name: `${fs}-prune`,
      setting: { fs },
      options: { seconds, prunes: true },
      wheres: [{ cuts: Math.ceil(points / 2), nearInserts: 0, when: 'after' }],
    },
    {
      // Long enough that what was merged is removed, and too short for the kernel to have written what it was merged to.
      name: `${fs}-merges`,
      setting: { fs },
      options: { seconds: 5 * seconds, backsUp: false },
      wheres: [{ cuts: Math.ceil(points / 3), nearInserts: 0, when: 'after' }],
    },
  ];
}

const judged: Judged[] = [];
let bad = 0;

async function look(name: string, setting: Setting, cuts: readonly Cut[]): Promise<void> {
  const recording = new Recording(setting.work);
  const found: Judged[] = [];
  for await (const one of judgeCuts(setting, recording, cuts)) {
    found.push(one);
    writeDown(setting, one);
    if (one.faults.length > 0) {
      bad += 1;
      const what = one.faults.join('; ');
      console.log(`BAD ${name} ${one.cut.at}:${one.cut.mode} (seed ${setting.seed}): ${what}`);
    }
    if (isInterrupted) break;
  }
  recording.close();
  judged.push(...found);
  const warned = found.filter(({ warnings }) => warnings.length > 0).length;
  const faults = found.filter((one) => one.faults.length > 0).length;
  console.log(`${name}: ${found.length} states, ${faults} bad, ${warned} with a warning`);
}

/** Records, cuts, and goes on from two of the cuts: these are cut again. */
async function play({ name, setting, options, wheres }: Scene): Promise<void> {
  const own = { ...setting, seed, work: join(out, name) };
  await record(own, options);
  const recording = new Recording(own.work);
  const random = newRandom(seed);
  const cuts = wheres.flatMap((where) => drawCuts(recording, where, random));
  // In the middle of an insert, if there was one.
  const [halfDone] = drawCuts(recording, { cuts: 1, nearInserts: 1, when: 'after' }, random);
  const starts = [halfDone!].map(({ at }): Cut => ({ at, mode: 'prefix' }));
  recording.close();
  await look(name, own, cuts);
  for (const [i, start] of starts.entries()) {
    if (nowMs() > endMs) return;
    await playRecovery(`${name}-again${i}`, own, start);
  }
  rmSync(join(own.work, 'live.img'), { force: true });
}

async function playRecovery(name: string, first: Setting, start: Cut): Promise<void> {
  const own = { ...first, work: join(out, name) };
  const recording = new Recording(first.work);
  for (const { image, ledger } of recording.images([start], seed)) {
    await record(own, { seconds: 4, from: { image, ledger } });
  }
  recording.close();
  const again = new Recording(own.work);
  const where: Where = { cuts: Math.ceil(points / 2), nearInserts: 0.5, when: 'all' };
  const cuts = drawCuts(again, where, newRandom(seed + 1));
  again.close();
  await look(name, own, cuts);
}

console.log(`Recordings are in ${out}; the seed is ${seed}.`);
for (const fs of values.fs.split(',') as FileSystem[]) {
  const why = noPowerCuts(fs);
  if (why !== undefined) {
    console.log(`${fs}: skipped, ${why}`);
    continue;
  }
  if (values.again !== undefined) {
    const cuts = values.again.split(',').map((text): Cut => {
      const [at, mode] = text.split(':');
      return { at: Number(at), mode: mode as Mode };
    });
    await look(fs, { fs, seed, work: out }, cuts);
    continue;
  }
  for (const scene of scenesOf(fs)) if (nowMs() < endMs) await play(scene);
}
console.log(`${judged.length} states, ${bad} bad.`);
if (fault !== undefined) console.log(bad > 0 ? `${fault}: found.` : `${fault}: not found.`);
process.exit(fault === undefined ? Math.sign(bad) : Math.sign(Number(bad === 0)));
