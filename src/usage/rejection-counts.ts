/** What error reports ask of the usage store. */
import type { RejectedEvent } from '../domain/meter-events/meter-event.ts';

export type RejectionCountsQuery = {
  readonly afterSequence: number;
  readonly upToSequence: number;
  /** How many samples of each count. */
  readonly samplesMax: number;
};

/** The events that one meter (or none: '') rejected for one reason. */
export type RejectionCount = Pick<RejectedEvent, 'namespace' | 'meterId' | 'code'> & {
  readonly count: number;
  /** When the first and the last of them came. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** The first of them, in the order of arrival. */
  readonly samples: readonly Pick<RejectedEvent, 'message' | 'identifier'>[];
};

export type RejectionRangeQuery = {
  readonly afterSequence: number;
  readonly upToSequence: number;
  /** At least 1. */
  readonly metersMax: number;
};

export type RejectionCounter = {
  /**
   * The last sequence of a range up to which what was rejected is of so many meters at most (none is one too): all of the
   * range when that has no more.
   */
  rejectionsThrough(query: RejectionRangeQuery): Promise<number>;
  /** Of the events between two sequences, by namespace, meter and code, in this order. */
  countRejections(query: RejectionCountsQuery): Promise<readonly RejectionCount[]>;
};
