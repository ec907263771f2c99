/** The journal's account against the store, range by range: which events there are, and what they are worth. */
import type { Journal, MovedRange } from '../journal/journal.ts';
import { sumTotals, type Totals } from '../journal/totals.ts';
import { formatQuantity } from '../domain/quantity.ts';
import type { RangeTotals, StoreAccount } from '../usage/account.ts';

export type AccountComparison = {
  /** On the account. */
  readonly events: number;
  /** The first difference, in words; undefined when there is none. */
  readonly difference: string | undefined;
};

/** Of the sequences after `after` up to `to`. */
export type RangeDifference = {
  readonly after: number;
  readonly to: number;
  readonly given: Totals;
  readonly found: RangeTotals;
};

const NOTHING: RangeTotals = { events: 0, sequenceSum: 0n, valueSum: 0n, rejections: 0 };

/**
 * Reads a few columns of all events. What an insert that was cut off has stored is on no account yet, and not looked at:
 * the next start finishes it. Undefined when there is no account: the next start begins one.
 */
export async function compareAccount(
  journal: Pick<Journal, 'moved'>,
  store: StoreAccount,
): Promise<AccountComparison | undefined> {
  const ranges = await journal.moved();
  if (ranges === undefined) return undefined;
  const all = sumTotals(ranges.map(({ totals }) => totals));
  const { events } = all;
  const first = await firstDifference(ranges, store);
  if (first !== undefined) return { events, difference: describe(first) };
  const { cancellations } = await store.counts();
  if (cancellations >= all.cancellations) return { events, difference: undefined };
  return {
    events,
    difference: `journal.db gave ${all.cancellations} cancellations, and usage/ has ${cancellations}`,
  };
}

/** The first range of which the store has not what it was given; undefined when there is none. */
export async function firstDifference(
  ranges: readonly MovedRange[],
  store: Pick<StoreAccount, 'rangeTotals'>,
): Promise<RangeDifference | undefined> {
  // Flushes of cancellations alone have no sequences of their own.
  const ends = [...new Set([0, ...ranges.map(({ lastSequence }) => lastSequence)])];
  const stored = await store.rangeTotals(ends);
  for (const [place, after] of ends.entries()) {
    const to = ends[place + 1];
    if (to === undefined) break;
    const found = stored.get(after) ?? NOTHING;
    const given = sumTotals(
      ranges
        .filter(({ lastSequence }) => lastSequence > after && lastSequence <= to)
        .map(({ totals }) => totals),
    );
    if (!isSame(found, given)) return { after, to, given, found };
  }
  return undefined;
}

function isSame(found: RangeTotals, given: RangeTotals): boolean {
  return (
    found.events === given.events &&
    found.sequenceSum === given.sequenceSum &&
    found.valueSum === given.valueSum &&
    found.rejections === given.rejections
  );
}

function describe({ after, to, given, found }: RangeDifference): string {
  const isMore = found.events > given.events || found.rejections > given.rejections;
  const mend = isMore ? '. If it is there twice, the next start of the server leaves it once' : '';
  return (
    `of the sequences ${after + 1} to ${to} journal.db gave ${shown(given)}, ` +
    `and usage/ has ${shown(found)}${mend}`
  );
}

function shown({ events, valueSum, sequenceSum, rejections }: RangeTotals): string {
  return (
    `${events} events of ${formatQuantity(valueSum)} in all (sum of sequences ${sequenceSum}) ` +
    `and ${rejections} rejections`
  );
}
