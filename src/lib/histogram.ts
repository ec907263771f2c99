/**
 * Counts values by size, some 10 ns each: cheap enough for every request. It holds nothing else; a scrape makes a
 * Prometheus histogram of it.
 */
export class Histogram {
  /** Upper bounds, inclusive, ascending. */
  readonly bounds: readonly number[];
  /** Of each bound, not cumulative; the last one counts what is above them all. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let index = 0;
    while (index < bounds.length && value > bounds[index]!) index += 1;
    counts[index]! += 1;
    this.sum += value;
  }
}

/** From a commit on a fast disk to a request that is about to be given up. */
const SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
/** From one row to a flush at full speed. */
const ROWS = [1, 10, 100, 1000, 10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000];
const BYTES = [
  256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
];

export function newSeconds(): Histogram {
  return new Histogram(SECONDS);
}

export function newRows(): Histogram {
  return new Histogram(ROWS);
}

export function newBytes(): Histogram {
  return new Histogram(BYTES);
}

/** What has passed since then, of `performance.now()`, in seconds. */
export function secondsSince(startMs: number): number {
  return (performance.now() - startMs) / 1000;
}
