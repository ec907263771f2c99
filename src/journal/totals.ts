/** What rows add up to: the journal's account of what it gave the usage store, which counts the same of what it has. */
export type Totals = {
  readonly events: number;
  /** Of the events: which ones they are, and what they are worth in units of 1e-12. */
  readonly sequenceSum: bigint;
  readonly valueSum: bigint;
  readonly cancellations: number;
  readonly rejections: number;
};

export const NO_TOTALS: Totals = {
  events: 0,
  sequenceSum: 0n,
  valueSum: 0n,
  cancellations: 0,
  rejections: 0,
};

export function addTotals(a: Totals, b: Totals): Totals {
  return {
    events: a.events + b.events,
    sequenceSum: a.sequenceSum + b.sequenceSum,
    valueSum: a.valueSum + b.valueSum,
    cancellations: a.cancellations + b.cancellations,
    rejections: a.rejections + b.rejections,
  };
}

export function sumTotals(all: readonly Totals[]): Totals {
  return all.reduce(addTotals, NO_TOTALS);
}

/** For the file; `totalsOf` reads it. */
export function packTotals(totals: Totals): string {
  const { events, sequenceSum, valueSum, cancellations, rejections } = totals;
  return [events, sequenceSum, valueSum, cancellations, rejections].join(' ');
}

export function totalsOf(packed: string): Totals {
  const [events, sequenceSum = 0, valueSum = 0, cancellations, rejections] = packed.split(' ');
  return {
    events: Number(events),
    sequenceSum: BigInt(sequenceSum),
    valueSum: BigInt(valueSum),
    cancellations: Number(cancellations),
    rejections: Number(rejections),
  };
}
