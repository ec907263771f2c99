/** What `npm run bench` takes, and how much each of its sizes measures. */
import { parseArgs } from 'node:util';

export type SizeName = 'quick' | 'default' | 'full';
/** Seconds are those of one run; rounds are repeats. */
export type Size = {
  readonly rounds: number;
  readonly runS: number;
  readonly sustainedS: number;
  readonly openLoopS: number;
  /** Events in the folder that summaries and restarts are measured on. */
  readonly stored: readonly number[];
  /** Summaries timed a round. */
  readonly asks: number;
  readonly syncDelaysMs: readonly number[];
  /** Connections that PostgreSQL's server is tried with; the best stays. */
  readonly pools: readonly number[];
};
export type Options = {
  readonly sizeName: SizeName;
  readonly size: Size;
  /** Where JSON and SVG go. */
  readonly out: string | undefined;
  /** Where data lies while it is measured. */
  readonly folder: string | undefined;
  /** Scenes to run; all when empty. */
  readonly only: readonly string[];
};

const SIZES: Readonly<Record<SizeName, Size>> = {
  quick: {
    rounds: 1,
    runS: 0.7,
    sustainedS: 5,
    openLoopS: 1,
    stored: [100_000],
    asks: 30,
    syncDelaysMs: [3],
    pools: [],
  },
  default: {
    rounds: 5,
    runS: 2.5,
    sustainedS: 60,
    openLoopS: 4,
    stored: [1_000_000],
    asks: 60,
    syncDelaysMs: [1, 3, 10],
    pools: [4, 16, 48, 128],
  },
  full: {
    rounds: 7,
    runS: 5,
    sustainedS: 150,
    openLoopS: 10,
    stored: [1_000_000, 10_000_000, 50_000_000],
    asks: 200,
    syncDelaysMs: [1, 3, 10],
    pools: [4, 8, 16, 48, 128],
  },
};

/** Throws for a flag that it does not know. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean' },
      full: { type: 'boolean' },
      out: { type: 'string' },
      folder: { type: 'string' },
      only: { type: 'string' },
    },
  });
  if (values.quick === true && values.full === true) throw new Error('--quick or --full, not both');
  const sizeName = values.quick === true ? 'quick' : values.full === true ? 'full' : 'default';
  return {
    sizeName,
    size: SIZES[sizeName],
    out: values.out,
    folder: values.folder,
    only: values.only?.split(',') ?? [],
  };
}
