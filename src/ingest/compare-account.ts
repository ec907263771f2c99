/** The journal's account against the store, range by range: which events there are, and what they are worth. */
import type { Journal } from '../journal/journal.ts';
import { sumTotals } from '../journal/totals.ts';
import { formatQuantity } from '../quantity.ts';
import type { RangeTotals, StoreAccount } from '../usage/account.ts';

export type AccountComparison = {
  /** On the account. */
  readonly events: number;
  /** The first difference, in words; undefined when there is none. */
  readonly difference: string | undefined;
};

const NOTHING: RangeTotals = { events: 0, sequenceSum: 0n, valueSum: 0n, rejections: 0 };

/**
 * Reads a few columns of all events. What an insert that was cut off has stored is on no account yet, and not looked at:
 * the next start finishes it. Undefined when there is no account: the next start begins one.
 */
export async function compareAccount(
  journal: Pick<Journal, 'moved' | 'mayBeStoredThrough'>,
  store: StoreAccount,
): Promise<AccountComparison | undefined> {
  const ranges = await journal.moved();
  if (ranges === undefined) return undefined;
  const given = sumTotals(ranges.map(({ totals }) => totals));
  const { events } = given;
  const ends = ranges.map(({ lastSequence }) => lastSequence);
  // Flushes of cancellations alone have no sequences of their own.
  const after = [...new Set([0, ...ends])];
  const stored = await store.rangeTotals(after);
  for (const [place, from] of after.entries()) {
    const to = after[place + 1];
    const found = stored.get(from) ?? NOTHING;
    if (to === undefined) continue;
    const expected = sumTotals(
      ranges
        .filter(({ lastSequence }) => lastSequence > from && lastSequence <= to)
        .map(({ totals }) => totals),
    );
    if (isSame(found, expected)) continue;
    return {
      events,
      difference:
        `of the sequences ${from + 1} to ${to} journal.db gave ${shown(expected)}, ` +
        `and usage/ has ${shown(found)}`,
    };
  }
  const { cancellations } = await store.counts();
  if (cancellations >= given.cancellations) return { events, difference: undefined };
  return {
    events,
    difference: `journal.db gave ${given.cancellations} cancellations, and usage/ has ${cancellations}`,
  };
}

function isSame(found: RangeTotals, given: RangeTotals): boolean {
  return (
    found.events === given.events &&
    found.sequenceSum === given.sequenceSum &&
    found.valueSum === given.valueSum &&
    found.rejections === given.rejections
  );
}

function shown({ events, valueSum, sequenceSum, rejections }: RangeTotals): string {
  return (
    `${events} events of ${formatQuantity(valueSum)} in all (sum of sequences ${sequenceSum}) ` +
    `and ${rejections} rejections`
  );
}
