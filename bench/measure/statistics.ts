/** Arithmetic on what was measured. Pure. */

/** Repeats of one measurement. */
export type Figure = {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly samples: readonly number[];
};

/** Throws when there are no samples: nothing was measured. */
export function toFigure(samples: readonly number[]): Figure {
  if (samples.length === 0) throw new Error('A figure needs a sample.');
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return {
    median: (low + high) / 2,
    min: sorted[0] ?? 0,
    max: sorted.at(-1) ?? 0,
    samples,
  };
}

/**
 * The smallest sample that at least `share` of all are not above (nearest rank): never a value that was not
 * measured. `share` is in (0, 1]. Throws when there are no samples.
 */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const value = sorted[Math.ceil(share * sorted.length) - 1];
  if (value === undefined) throw new Error('A percentile needs a sample.');
  return value;
}

/** 0 when no time went by. */
export function perSecond(count: number, elapsedMs: number): number {
  return elapsedMs === 0 ? 0 : (count / elapsedMs) * 1000;
}

/** The ratio of the medians; its bounds are those of the rounds, each taken with the other's of the same round. */
export function ratioOfMedians(ours: Figure, theirs: Figure): Figure {
  const rounds = ours.samples.map((sample, round) => sample / (theirs.samples[round] ?? NaN));
  return { ...toFigure(rounds), median: ours.median / theirs.median };
}
