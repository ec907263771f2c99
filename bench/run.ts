/**
 * `npm run bench`: everything that Taximeter claims about speed, memory and disk, measured here, beside what
 * else could be used. Prints a table, writes it as JSON and SVG. README.md beside this file says what each row
 * means.
 *
 *   node bench/run.ts [--quick | --full] [--out DIR] [--folder DIR] [--only scene,…]
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cleanups } from './measure/cleanups.ts';
import { isMemory } from './measure/disk-sync.ts';
import { readOptions } from './options.ts';
import { findPostgres, versionOfPostgres } from './peers/postgres-cluster.ts';
import { describeMachine } from './report/machine.ts';
import { Report } from './report/report.ts';
import type { Context } from './scenes/context.ts';
import { disk } from './scenes/disk.ts';
import { latency } from './scenes/latency.ts';
import { neighbour } from './scenes/neighbour.ts';
import { overload } from './scenes/overload.ts';
import { slowDisk } from './scenes/slow-disk.ts';
import { stored } from './scenes/stored.ts';
import { sustained } from './scenes/sustained.ts';
import { throughput } from './scenes/throughput.ts';

const options = readOptions(process.argv.slice(2));
const postgresBin = findPostgres();
const machine = describeMachine(
  postgresBin === undefined ? undefined : versionOfPostgres(postgresBin),
);
const context: Context = {
  cleanups: new Cleanups(),
  report: new Report(),
  size: options.size,
  parent: options.folder ?? temporaryFolder(),
  postgresBin,
};
const SCENES: Readonly<Record<string, () => Promise<unknown>>> = {
  disk: () => disk(context),
  stream: () => throughput(context, 'stream'),
  sustained: () => sustained(context),
  v1: () => throughput(context, 'v1'),
  latency: () => latency(context),
  stored: () => stored(context),
  neighbour: () => neighbour(context),
  'slow-disk': () => slowDisk(context),
  overload: () => overload(context),
};
/** It opens thousands of connections, and says nothing of speed that the others do not: only when it is named. */
const ONLY_WHEN_NAMED = ['overload'];

for (const name of options.only) {
  if (SCENES[name] === undefined) {
    throw new Error(`--only takes ${Object.keys(SCENES).join(', ')}, not '${name}'`);
  }
}
for (const [name, run] of Object.entries(SCENES)) {
  const isUsual = options.only.length === 0 && !ONLY_WHEN_NAMED.includes(name);
  if (isUsual || options.only.includes(name)) await run();
}
const out = options.out ?? join(import.meta.dirname, 'results');
context.report.finish(machine, out, options.sizeName);
process.exit();

/** On a disk: some systems keep their temporary files in memory, where a sync costs nothing. */
function temporaryFolder(): string {
  const onDisk = [tmpdir(), '/var/tmp'].find((folder) => existsSync(folder) && !isMemory(folder));
  return onDisk ?? tmpdir();
}
