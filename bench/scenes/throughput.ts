/** The stream and v1 at their peak, beside the peers, and the client's own ceiling. */
import type { Kind } from '../load/requests.ts';
import { start, stop } from '../measure/processes.ts';
import { perSecond, toFigure } from '../measure/statistics.ts';
import { BATCH, CONNECTIONS, withFolder, type Context } from './context.ts';
import { asContestant, BARE, startPeers } from './peers.ts';
import { measure, race, type Contestant } from './race.ts';
import { describe, ratesOf, reportRace, STREAM_TARGETS, TAXIMETER, V1_TARGETS } from './rates.ts';
import { startTaximeter, streamCounts, streamToken, type Taximeter } from './taximeter.ts';

export const NOT_SERVED =
  'not served: the stream or its sessions answer 404, or what it acknowledges is not counted';

const GROUP: Readonly<Record<Kind, string>> = {
  stream: `Stream, ${BATCH} events a request`,
  v1: 'v1, one event a request',
};

/** Median rate of Taximeter; undefined when it does not serve this. */
export async function throughput(context: Context, kind: Kind): Promise<number | undefined> {
  const { report, size } = context;
  const group = GROUP[kind];
  const options = toRaceOptions(kind, size.runS);
  return await withFolder(context, async (folder) => {
    await ceiling(context, kind, group);
    const bare = await start(context.cleanups, 'peers/bare-server.ts');
    const taximeter = await startTaximeter(context.cleanups, `${folder}/data`);
    const ours = await enter(taximeter, kind);
    if (ours === undefined) {
      report.add({ group, what: TAXIMETER, unit: 'events/s', figure: undefined, note: NOT_SERVED });
    }
    const peers = await startPeers(context, kind, folder);
    if (context.postgresBin === undefined) noPostgres(context, group);
    const contestants = [asContestant(BARE, bare), ...peers.contestants];
    if (ours !== undefined) contestants.unshift(ours);
    const samples = await race(contestants, { ...options, rounds: size.rounds });
    reportRace(report, group, samples, kind === 'v1' ? V1_TARGETS : STREAM_TARGETS);
    for (const running of [peers, bare, taximeter]) {
      await ('contestants' in running ? running.stop() : stop(running));
    }
    const runs = samples.get(TAXIMETER);
    return runs === undefined ? undefined : ratesOf(runs).median;
  });
}

/** Taximeter as a contestant; undefined when it does not serve this kind. */
export async function enter(taximeter: Taximeter, kind: Kind): Promise<Contestant | undefined> {
  const { child, port, key } = taximeter;
  const entered = { name: TAXIMETER, port, pids: [child.pid ?? 0] };
  if (kind === 'v1') return { ...entered, secret: () => Promise.resolve(key) };
  const token = await streamToken(taximeter);
  if (token === undefined || !(await streamCounts(taximeter, token))) return undefined;
  return { ...entered, secret: async () => String(await streamToken(taximeter)) };
}

export function toRaceOptions(
  kind: Kind,
  runS: number,
): { kind: Kind; connections: number; batch: number; durationMs: number } {
  const batch = kind === 'v1' ? 1 : BATCH;
  return { kind, connections: CONNECTIONS, batch, durationMs: runS * 1000 };
}

async function ceiling(
  { cleanups, report, size }: Context,
  kind: Kind,
  group: string,
): Promise<void> {
  const canned = await start(cleanups, 'peers/canned-server.ts');
  const name = 'the client’s ceiling';
  const run = await measure(
    asContestant(name, canned),
    toRaceOptions(kind, Math.min(2, size.runS)),
  );
  await stop(canned);
  report.add({
    group,
    what: `${name} (sockets, no HTTP)`,
    unit: 'requests/s',
    figure: toFigure([perSecond(run.requests, run.elapsedMs)]),
    note: describe([run]),
  });
}

function noPostgres({ report }: Context, group: string): void {
  const note = 'PostgreSQL’s server programs (initdb, postgres) were not found';
  report.add({ group, what: 'PostgreSQL by hand', unit: 'events/s', figure: undefined, note });
}
