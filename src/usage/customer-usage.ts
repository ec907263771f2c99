/** What alerts ask of the usage store: what has come since, and what many customers of a meter have used. */
import type { MeterEvent } from '../domain/meter-events/meter-event.ts';
import type { Quantity } from '../domain/quantity.ts';
import type { SummaryQuery } from './usage-store.ts';

export type CustomerUsageQuery = Pick<
  SummaryQuery,
  'namespace' | 'meterId' | 'formula' | 'eventTimeWindow'
> & {
  readonly customers: readonly string[];
  /** Half open, in whole UTC days; from 0 on and open at the end for all time. */
  readonly startMs: number;
  readonly endMs: number | 'open';
};

export type CustomerUsage = {
  readonly customer: string;
  /** As `summarize` gives it for the range. */
  readonly value: Quantity;
  /** Of the last received event that is in it, cancelled ones left out. */
  readonly lastSequence: number;
};

/** A UTC day of one customer. */
export type Touched = Pick<MeterEvent, 'namespace' | 'meterId' | 'customer'> & {
  readonly dayMs: number;
};

/** Its events that came between two sequences, cancelled ones too. */
export type Arrived = Touched & {
  readonly count: number;
  /** The sum of the values above 0. */
  readonly added: Quantity;
};

export type ArrivedQuery = {
  readonly meterIds: readonly string[];
  readonly afterSequence: number;
  readonly upToSequence: number;
};

export type CustomerUsageReader = {
  /** In no order; customers without usage are left out. */
  usageOf(query: CustomerUsageQuery): Promise<readonly CustomerUsage[]>;
  /** Of these meters, in no order. */
  arrived(query: ArrivedQuery): Promise<readonly Arrived[]>;
  /** The customers of these meters, with the days, that ever had an event cancelled; in no order. */
  cancelled(meterIds: readonly string[]): Promise<readonly Touched[]>;
};
