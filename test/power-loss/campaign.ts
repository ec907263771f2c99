/** Records a server at work on a disk, cuts the power of that disk at drawn moments, and judges what each cut has left. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { newRandom, type Random } from '../support/random.ts';
import { Server } from '../support/server.ts';
import { nowS } from '../support/times.ts';
import { Receiver } from '../support/webhook-receiver.ts';
import { MountedImage, RecordedDisk, type FileSystem } from './disk.ts';
import { MODES, Recording, type Cut } from './images.ts';
import { judge, type Verdict } from './judge.ts';
import { Ledger } from './ledger.ts';
import { Load } from './load.ts';
import { OLD_S, sendOld } from './old-events.ts';

export type Setting = {
  readonly work: string;
  readonly fs: FileSystem;
  readonly seed: number;
  readonly mountOptions?: string;
  readonly syncUs?: number;
};

export type RecordOptions = {
  readonly seconds: number;
  readonly backsUp?: boolean;
  /** Begins with events of a month that is pruned then. */
  readonly prunes?: boolean;
  /** Goes on from what a cut has left: what is recorded then begins with the recovery. */
  readonly from?: { readonly image: string; readonly ledger: Ledger };
};

/** Ends with the server killed. */
export async function record(setting: Setting, options: RecordOptions): Promise<void> {
  const { from, seconds, backsUp = false, prunes = false } = options;
  const disk = await RecordedDisk.start({
    ...setting,
    ...(from === undefined ? {} : { image: from.image, notes: from.ledger.toNotes() }),
  });
  const receiver = await Receiver.start();
  const ledger = new Ledger();
  try {
    for (const note of from?.ledger.toNotes() ?? []) ledger.take(note);
    const args = ['--disk-reserve-bytes', '0', '--webhook-allow-private'];
    const folder = join(disk.folder, 'data');
    if (prunes) {
      const earlier = await Server.start({ folder, args, clockShiftS: -OLD_S });
      try {
        await sendOld(disk, earlier, ledger, Math.floor(nowS() / 60) * 60 - 120);
      } finally {
        await earlier.kill();
      }
    }
    const server = await Server.start({ folder, args });
    try {
      const load = { seconds, seed: setting.seed, hook: receiver.url, backsUp, prunes };
      await new Load(disk, server, ledger, load).run();
    } finally {
      await server.kill();
    }
  } finally {
    await receiver.close();
    await disk.end();
  }
}

/** Where power is cut. */
export type Where = {
  /** Of so many cuts… */
  readonly cuts: number;
  /** …this part is drawn from the flushes about the naming of a part, where an insert is half done; the others by time. */
  readonly nearInserts: number;
  /** The time before the first event was acknowledged, all after it, or all. */
  readonly when: 'before' | 'after' | 'all';
};

/** The same for the same draws. */
export function drawCuts(recording: Recording, where: Where, random: Random): Cut[] {
  const { flushes, parts, firstAcknowledged } = recording.marks();
  const end = recording.records.length;
  const [from, to] = {
    before: [0, Math.min(firstAcknowledged + 1, end)],
    after: [Math.min(firstAcknowledged, end - 1), end],
    all: [0, end],
  }[where.when] as [number, number];
  const near = parts
    .flatMap((part) => {
      const next = flushes.findIndex((flush) => flush > part);
      return next === -1 ? [] : flushes.slice(Math.max(0, next - 3), next + 12);
    })
    .filter((at) => at >= from && at < to);
  return Array.from({ length: where.cuts }, () => {
    const mode = random.pick(['prefix', ...MODES] as const);
    const isNear = near.length > 0 && random.chance(where.nearInserts);
    const at = isNear ? random.pick(near) + random.below(3) : atTime(recording, from, to, random);
    return { at: Math.min(at, end), mode };
  });
}

/** A record by the time that passes, not by how much is written then. */
function atTime({ records }: Recording, from: number, to: number, random: Random): number {
  const startNs = records[from]?.atNs ?? 0n;
  const spanUs = Number(((records[to - 1]?.atNs ?? startNs) - startNs) / 1000n);
  const drawnNs = startNs + BigInt(random.below(Math.max(1, spanUs))) * 1000n;
  const after = records.findIndex(({ atNs }, at) => at >= from && atNs > drawnNs);
  return after === -1 ? to : after;
}

export type Judged = Verdict & { readonly cut: Cut };

/** One after the other, in the order of the recording. */
export async function* judgeCuts(
  { work, fs, seed, mountOptions }: Setting,
  recording: Recording,
  cuts: readonly Cut[],
): AsyncIterable<Judged> {
  for (const { cut, image, ledger } of recording.images(cuts, seed)) {
    const random = newRandom((seed * 31 + cut.at) >>> 0);
    let mounted: MountedImage | undefined;
    try {
      mounted = new MountedImage(image, join(work, 'cut'), fs, mountOptions);
      yield { cut, ...(await judge(mounted.folder, ledger, random)) };
    } catch (error) {
      yield { cut, faults: [error instanceof Error ? error.message : String(error)], warnings: [] };
    } finally {
      await mounted?.unmount();
    }
  }
}

/** One line each, for a look at a state again. */
export function writeDown({ work }: Pick<Setting, 'work'>, judged: Judged): void {
  appendFileSync(join(work, 'judged.jsonl'), `${JSON.stringify(judged)}\n`);
}
