/** What a usage store has, for who kept an account of what it was given; and how it gets again what it has lost. */
import type { BlockRows, EventsFormat } from '../journal/journal.ts';
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
  /**
   * Sees to it that each of these rows is stored once, whatever of them is there, by what they are and not by a token: inserts
   * those that are missing, and makes the rollup of their hours what the events are. It may be cut off at any point and
   * asked for again. On disk when it returns.
   */
  restore(rows: RestoredRows): Promise<void>;
  /** Makes the rollup again, from the events, of the months in which it has not as many; answers which. On disk then. */
  rebuildRollup(): Promise<readonly string[]>;
  /**
   * Of rows that are there more than once, leaves one; rejections and events only of sequences after this one. Answers the
   * tables in which there were any. On disk when it returns; the rollup has yet to be made again.
   */
  dropCopies(afterSequence: number): Promise<readonly string[]>;
  /** Where what was damaged was put: files that nothing reads. */
  setAside(): Promise<readonly string[]>;
};

export type StoredCounts = Pick<Totals, 'events' | 'cancellations' | 'rejections'> & {
  readonly rolledUp: number;
};

/** Events are Native unless it is said otherwise. */
export type RestoredRows = BlockRows & { readonly eventsFormat?: EventsFormat };

export type RangeTotals = Omit<Totals, 'cancellations'>;
