/** Memory and file handles of the server over its lives, and whether they grow. Linux only: from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

export type Sample = {
  /** Counted from 1; a restart begins another. */
  readonly life: number;
  readonly ageS: number;
  readonly atS: number;
  readonly rssMib: number;
  readonly files: number;
  /** Acknowledged since the soak began. */
  readonly events: number;
};
/** Growth an hour, by least squares. */
export type Slope = {
  readonly samples: number;
  readonly rssMibAnHour: number;
  readonly filesAnHour: number;
  readonly rssBytesAnEvent: number;
};

/** A start fills caches; that is no growth. */
const WARM_S = 600;
const LONG_LIFE_S = 900;
/** The age at which lives are compared with each other. */
const YOUNG_S = [20, 60] as const;
const LIVES_MIN = 5;

export function sample(pid: number, of: Omit<Sample, 'rssMib' | 'files'>): Sample | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const rssMib = Number(/VmRSS:\s+(\d+)/u.exec(status)?.[1]) / 1024;
    // One that has ended and is not buried yet has no memory.
    if (Number.isNaN(rssMib)) return undefined;
    return { ...of, rssMib, files: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    // It has just ended.
    return undefined;
  }
}

/** Of each life that was long enough, after its first minutes; and of all lives when they were young. */
export function slopes(samples: readonly Sample[]): {
  readonly perLife: readonly (Slope & { readonly life: number })[];
  readonly overall: Slope | undefined;
} {
  const lives = Map.groupBy(samples, ({ life }) => life);
  const perLife = [...lives].flatMap(([life, of]) => {
    if ((of.at(-1)?.ageS ?? 0) < LONG_LIFE_S) return [];
    const slope = slopeOf(of.filter(({ ageS }) => ageS >= WARM_S));
    return slope === undefined ? [] : [{ life, ...slope }];
  });
  const young = samples.filter(({ ageS }) => ageS >= YOUNG_S[0] && ageS < YOUNG_S[1]);
  const isEnough = new Set(young.map(({ life }) => life)).size >= LIVES_MIN;
  return { perLife, overall: isEnough ? slopeOf(young) : undefined };
}

function slopeOf(samples: readonly Sample[]): Slope | undefined {
  if (samples.length < 3) return undefined;
  const hours = samples.map(({ atS }) => atS / 3600);
  const rssMib = samples.map((one) => one.rssMib);
  const events = samples.map((one) => one.events);
  return {
    samples: samples.length,
    rssMibAnHour: leastSquares(hours, rssMib),
    filesAnHour: leastSquares(
      hours,
      samples.map(({ files }) => files),
    ),
    rssBytesAnEvent: leastSquares(events, rssMib) * 1024 * 1024,
  };
}

/** The slope of y over x; 0 when x never changes. */
export function leastSquares(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(x), mean(y)];
  const over = x.reduce((sum, value, i) => sum + (value - meanX) * ((y[i] ?? 0) - meanY), 0);
  const under = x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
  return under === 0 ? 0 : over / under;
}
