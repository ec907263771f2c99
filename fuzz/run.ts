/**
 * npm run fuzz                          10 million inputs to the readers, then 30 s of requests and 30 s of pipelines to a server
 * npm run fuzz -- --seconds 30          seven tenths of the time for the readers, the rest for a server
 * npm run fuzz -- --seed 7 --target form --executions 1000000
 *
 * Exits 1 with the input that broke something. The seed that is printed makes the same inputs for the readers again.
 */
import { parseArgs } from 'node:util';
import { newRandom, type Random } from '../test/support/random.ts';
import { fuzzHttp } from './http.ts';
import { fuzzPipelines } from './pipelines.ts';
import { fuzzReaders, TARGETS } from './readers.ts';
import type { Watched } from './watched-server.ts';

const HTTP_SECONDS = 30;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    executions: { type: 'string', default: '10000000' },
    seed: { type: 'string' },
    target: { type: 'string' },
  },
});
const random = newRandom(...(values.seed === undefined ? [] : [Number(values.seed)]));
console.log(`seed ${random.seed}`);

const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
readers(random, seconds === undefined ? Infinity : seconds * 0.7);
if (values.target === undefined) {
  const each = seconds === undefined ? HTTP_SECONDS : seconds * 0.15;
  await http(random, each);
  await pipelines(random, each);
}
process.exit(0);

function readers(of: Random, forSeconds: number): void {
  const targets = TARGETS.filter(
    ({ name }) => values.target === undefined || name === values.target,
  );
  const startMs = performance.now();
  const executions = forSeconds === Infinity ? Number(values.executions) : Infinity;
  const results = fuzzReaders(of, targets, { executions, endMs: startMs + forSeconds * 1_000 });
  const total = results.reduce((sum, result) => sum + result.executions, 0);
  const took = (performance.now() - startMs) / 1_000;
  console.table(results.map((one) => ({ ...one, slowestMs: Number(one.slowestMs.toFixed(1)) })));
  const residentMB = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    `${total} inputs to readers in ${took.toFixed(0)} s, ${residentMB} MB resident at most`,
  );
}

async function http(of: Random, forSeconds: number): Promise<void> {
  const result = await fuzzHttp(of, forSeconds * 1_000);
  console.log(`${result.requests} requests to a server, answered`, result.statuses);
  tell(result);
}

async function pipelines(of: Random, forSeconds: number): Promise<void> {
  const result = await fuzzPipelines(of, forSeconds * 1_000);
  console.log(`${result.pipelines} pipelines to a server, ${result.answers} answers in order`);
  tell(result);
}

function tell({ slowestHealthMs, longestHealthCpuMs, residentMB }: Watched): void {
  console.log(
    `/healthz beside them: ${slowestHealthMs} ms at most, ${longestHealthCpuMs} of CPU; ` +
      `${residentMB} MB resident at most; nothing logged, the audit agrees`,
  );
}
