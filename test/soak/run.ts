/**
 * `npm run soak -- --hours N`: the server under mixed load and random faults for hours, with every figure compared.
 * Prints what it found, writes it to `<DIR>/soak.json`, and exits 1 when anything differed. Ctrl-C ends it early, with
 * a report.
 *
 *   node test/soak/run.ts [--hours N | --minutes N] [--seed N] [--rate REQUESTS_PER_S] [--out DIR]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    hours: { type: 'string' },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    rate: { type: 'string', default: '40' },
    out: { type: 'string' },
  },
});
const minutes = Number(values.hours ?? 0) * 60 + Number(values.minutes ?? 0);
if (!(minutes > 0)) throw new Error('How long? npm run soak -- --hours 1');
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort()).once('SIGTERM', () => interrupted.abort());

const report = await soak(
  {
    seconds: minutes * 60,
    seed: values.seed === undefined ? undefined : Number(values.seed),
    requestsPerS: Number(values.rate),
    faultPauseS: 12,
  },
  interrupted.signal,
);
const { samples, ...rest } = report;
console.log(JSON.stringify(rest, null, 2));
if (values.out !== undefined) {
  mkdirSync(values.out, { recursive: true });
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  const file = join(values.out, 'soak.json');
  writeFileSync(file, `${JSON.stringify({ date: new Date(), machine, ...report }, null, 2)}\n`);
  console.log(`Written: ${file}, with ${samples.length} samples of memory and file handles`);
}
process.exit(report.differences === 0 ? 0 : 1);
