/** What a usage store has, for who kept an account of what it was given; and how it gets again what it has lost. */
import type { BlockRows } from '../journal/journal.ts';
import type { Totals } from '../journal/totals.ts';

export type StoreAccount = {
  /** Of this store and no other: made with it. */
  readonly id: string;
  /** Rows of each kind, and how many events the rollup counts. Cheap, however much is stored. */
  counts(): Promise<StoredCounts>;
  /**
   * What the events and rejections of ranges of sequences add up to, by the sequence that a range comes after: these rise from
   * 0, and the last range has no end. Reads a few columns of everything.
   */
  rangeTotals(afterSequences: readonly number[]): Promise<ReadonlyMap<number, RangeTotals>>;
  /** Inserts those of these rows that are not there. */
  restore(rows: BlockRows): Promise<void>;
  /** Makes the rollup again, from the events, of the months in which it has not as many; answers which. */
  rebuildRollup(): Promise<readonly string[]>;
  /** Where what was damaged was put: files that nothing reads. */
  setAside(): Promise<readonly string[]>;
};

export type StoredCounts = Pick<Totals, 'events' | 'cancellations' | 'rejections'> & {
  readonly rolledUp: number;
};

export type RangeTotals = Omit<Totals, 'cancellations'>;
