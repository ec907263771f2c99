/** The stream and v1 when a sync takes longer than here: what a cloud volume or a consumer SSD would do. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind } from '../load/requests.ts';
import { runScript, stop } from '../measure/processes.ts';
import { compileSlowSync, slowSyncEnv } from '../measure/slow-sync.ts';
import { percentile, toFigure } from '../measure/statistics.ts';
import { withFolder, type Context } from './context.ts';
import { POSTGRES, startPeers } from './peers.ts';
import { race } from './race.ts';
import { describe, ratesOf } from './rates.ts';
import { startTaximeter } from './taximeter.ts';
import { enter, NOT_SERVED, toRaceOptions } from './throughput.ts';

const ROUNDS_MAX = 3;
const RUN_S_MAX = 1.5;
/** Single events share a commit: a slower one takes more of them under way at once to lose no rate. */
const V1_CONNECTIONS = 512;

export async function slowDisk(context: Context): Promise<void> {
  await withFolder(context, async (folder) => {
    const compiled = compileSlowSync(folder);
    for (const kind of ['stream', 'v1'] as const) {
      const group =
        kind === 'v1'
          ? `v1 on slower disks, ${V1_CONNECTIONS} connections`
          : 'Stream on slower disks';
      if ('reason' in compiled) {
        const row = { group, what: 'all', unit: 'events/s', figure: undefined } as const;
        context.report.add({ ...row, note: compiled.reason });
        continue;
      }
      for (const delayMs of context.size.syncDelaysMs) {
        const at = join(folder, `${kind}-${delayMs}`);
        await atDelay(context, kind, group, delayMs, slowSyncEnv(compiled.library, delayMs), at);
      }
    }
  });
}

async function atDelay(
  context: Context,
  kind: Kind,
  group: string,
  delayMs: number,
  env: Readonly<Record<string, string>>,
  folder: string,
): Promise<void> {
  const { report, size, cleanups } = context;
  mkdirSync(folder);
  const latencies = await runScript('measure/disk-sync.ts', [folder, '300'], env);
  const syncMs = percentile(latencies as number[], 0.5).toFixed(2);
  const taximeter = await startTaximeter(cleanups, join(folder, 'data'), env);
  const ours = await enter(taximeter, kind);
  const peers = await startPeers(context, kind, folder, env);
  const postgres = peers.contestants.filter(({ name }) => name === POSTGRES);
  const contestants = [...(ours === undefined ? [] : [ours]), ...postgres];
  const usual = toRaceOptions(kind, Math.min(size.runS, RUN_S_MAX));
  const options = kind === 'v1' ? { ...usual, connections: V1_CONNECTIONS } : usual;
  const samples = await race(contestants, {
    ...options,
    rounds: Math.min(size.rounds, ROUNDS_MAX),
  });
  await peers.stop();
  await stop(taximeter);
  if (ours === undefined) {
    const what = `Taximeter, ${delayMs} ms more`;
    report.add({ group, what, unit: 'events/s', figure: undefined, note: NOT_SERVED });
  }
  for (const [name, runs] of samples) {
    report.add({
      group,
      what: `${name}, ${delayMs} ms more`,
      unit: 'events/s',
      figure: ratesOf(runs),
      note: `a sync takes ${syncMs} ms; ${describe(runs)}`,
    });
  }
  const [own, theirs] = [...samples.values()].map((runs) => ratesOf(runs));
  if (own === undefined || theirs === undefined) return;
  const figure = toFigure([own.median / theirs.median]);
  report.add({ group, what: `  ratio to ${POSTGRES}`, unit: '×', figure });
}
