/**
 * What a request costs the serving thread, in microseconds of its CPU: a v1 event, a hundred events of the stream, a GET.
 * Another checkout of this repository is measured at the same time, under a client of its own: what a change costs.
 *
 *   npm run bench:cpu -- [--against DIR] [--rounds 5] [--turns 5] [--run-ms 500] [--connections 16] [--only v1,stream,get]
 *
 * Each round starts both servers again, on new folders, and warms them up; each turn loads both at once, and is one sample. So
 * what else the machine does befalls both, within milliseconds: of servers that take turns of a second it made the dearer one now
 * this, now that. CPU time, not the clock's. Linux alone tells it of a thread.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { LoadOptions } from './load/client.ts';
import { Cleanups, removeFolder } from './measure/cleanups.ts';
import { load, mainThreadCpuUs, stop } from './measure/processes.ts';
import { toFigure, type Figure } from './measure/statistics.ts';
import { describeMachine, formatMachine } from './report/machine.ts';
import { formatFigure } from './report/row.ts';
import { BATCH } from './scenes/context.ts';
import { startTaximeter, streamToken, type Taximeter } from './scenes/taximeter.ts';

const WARM_UP_MS = 1000;

type Sent = Pick<LoadOptions, 'kind' | 'path' | 'secret' | 'batch'>;
const KINDS: Readonly<Record<string, (server: Taximeter) => Promise<Sent>>> = {
  v1: (server) => Promise.resolve({ kind: 'v1', secret: server.key, batch: 1 }),
  stream: async (server) => {
    return { kind: 'stream', secret: String(await streamToken(server)), batch: BATCH };
  },
  get: ({ key, meterId }) => {
    const path = `/v1/billing/meters/${meterId}`;
    return Promise.resolve({ kind: 'get', path, secret: key, batch: 0 });
  },
};

const { values } = parseArgs({
  options: {
    against: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    turns: { type: 'string', default: '5' },
    'run-ms': { type: 'string', default: '500' },
    connections: { type: 'string', default: '16' },
    only: { type: 'string', default: Object.keys(KINDS).join(',') },
  },
});
const kinds = values.only.split(',');
for (const kind of kinds) {
  if (KINDS[kind] === undefined) {
    throw new Error(`--only takes ${Object.keys(KINDS).join(', ')}, not '${kind}'`);
  }
}
const here = resolve(import.meta.dirname, '..');
const checkouts = values.against === undefined ? [here] : [here, resolve(values.against)];
const cleanups = new Cleanups();

console.log(formatMachine(describeMachine(undefined)).join('\n'));
/** By kind and checkout: microseconds a request, one sample a turn. */
const samples = new Map(kinds.map((kind) => [kind, checkouts.map((): number[] => [])]));
for (let round = 0; round < Number(values.rounds); round += 1) await measureRound();
for (const [kind, ofKind] of samples) report(kind, ofKind.map(toFigure));
process.exit();

async function measureRound(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-bench-'));
  cleanups.add(() => removeFolder(folder));
  const servers: Taximeter[] = [];
  for (const [number, checkout] of checkouts.entries()) {
    const main = join(checkout, 'src/main.ts');
    servers.push(await startTaximeter(cleanups, join(folder, String(number)), {}, main));
  }
  for (const kind of kinds) {
    await Promise.all(servers.map(async (server) => await usEach(server, kind, WARM_UP_MS)));
    for (let turn = 0; turn < Number(values.turns); turn += 1) await measureTurn(servers, kind);
  }
  for (const server of servers) await stop(server);
  removeFolder(folder);
}

async function measureTurn(servers: readonly Taximeter[], kind: string): Promise<void> {
  const runMs = Number(values['run-ms']);
  const us = await Promise.all(servers.map(async (server) => await usEach(server, kind, runMs)));
  for (const [number, each] of us.entries()) samples.get(kind)?.[number]?.push(each);
}

async function usEach(server: Taximeter, kind: string, durationMs: number): Promise<number> {
  const sent = await KINDS[kind]!(server);
  const pid = server.child.pid ?? 0;
  const beforeUs = mainThreadCpuUs(pid);
  const { requests, failed, failure } = await load({
    ...sent,
    port: server.port,
    connections: Number(values.connections),
    duplicates: 0,
    durationMs,
    requestsPerS: null,
  });
  if (failed > 0) throw new Error(`${failed} of ${requests} failed: ${failure}`);
  return (mainThreadCpuUs(pid) - beforeUs) / requests;
}

function report(kind: string, [ours, theirs]: readonly Figure[]): void {
  const own = `${kind.padEnd(8)} ${formatFigure(ours!)} µs a request`;
  if (theirs === undefined) return console.log(own);
  const ratio = formatFigure(toFigure(ours!.samples.map((us, turn) => us / theirs.samples[turn]!)));
  console.log(`${own}, the other ${formatFigure(theirs)}: ${ratio} ×`);
}
