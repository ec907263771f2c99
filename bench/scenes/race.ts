/** Servers measured against each other: the same load on each in turn, round after round. */
import type { LoadOptions, LoadResult } from '../load/client.ts';
import { cpuSeconds, load } from '../measure/processes.ts';
import { perSecond } from '../measure/statistics.ts';

export type Contestant = {
  readonly name: string;
  readonly port: number;
  /** Their CPU, and their children's, is the server's. */
  readonly pids: readonly number[];
  /** What the load authenticates with, asked anew for each run. */
  readonly secret: () => Promise<string>;
  /** The share of its events whose identifier was sent before; 0 when absent. */
  readonly duplicates?: number;
  /** The share of its events that are one customer's; 0 when absent. */
  readonly hot?: number;
};
export type Sample = LoadResult & {
  readonly eventsPerS: number;
  readonly serverCpuSPerMillion: number;
};
export type RaceOptions = Pick<LoadOptions, 'kind' | 'connections' | 'batch' | 'durationMs'> & {
  readonly rounds: number;
  /** Under overload a 429 is an answer too; it counts as no event. */
  readonly mayRefuse?: boolean;
};

/** What each name measured, a sample a round. One more round comes first, to warm up, and is not counted. */
export async function race(
  contestants: readonly Contestant[],
  { rounds, ...options }: RaceOptions,
): Promise<Map<string, Sample[]>> {
  const samples = new Map(contestants.map(({ name }) => [name, [] as Sample[]]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const contestant of contestants) {
      const durationMs = round === 0 ? options.durationMs / 2 : options.durationMs;
      const sample = await measure(contestant, { ...options, durationMs });
      if (round > 0) samples.get(contestant.name)?.push(sample);
    }
  }
  return samples;
}

/** One run. Throws when an answer was no success, unless it may be refused: a refusal is faster than the work. */
export async function measure(
  { name, port, pids, secret, duplicates = 0, hot = 0 }: Contestant,
  {
    requestsPerS,
    mayRefuse = false,
    ...options
  }: Omit<RaceOptions, 'rounds'> & { requestsPerS?: number },
): Promise<Sample> {
  const rest = { duplicates, hot, requestsPerS: requestsPerS ?? null, ...options };
  const before = cpuSeconds(pids);
  const result = await load({ port, secret: await secret(), ...rest });
  const isRefusal = mayRefuse && result.failure?.startsWith('HTTP/1.1 429') === true;
  if (result.failed > 0 && !isRefusal) {
    throw new Error(`${name}: ${result.failed} of ${result.requests} failed: ${result.failure}`);
  }
  const cpuS = cpuSeconds(pids) - before;
  return {
    ...result,
    eventsPerS: perSecond(result.events, result.elapsedMs),
    serverCpuSPerMillion: (cpuS / result.events) * 1e6,
  };
}
