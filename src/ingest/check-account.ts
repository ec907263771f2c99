/**
 * What the usage store has against what the journal gave it, when nothing waits any more. What is missing is given to it again,
 * as far as the journal still has it; else nothing may be answered from it.
 */
import type { Journal } from '../journal/journal.ts';
import { sumTotals, type Totals } from '../journal/totals.ts';
import { StartupError } from '../startup-error.ts';
import type { StoreAccount, StoredCounts } from '../usage/account.ts';

type Account = Pick<Journal, 'moved' | 'startAccount' | 'keptRows'>;

/** Answers what was repaired, for the operator; undefined when nothing had to be. Throws StartupError when it cannot be. */
export async function checkAccount(
  journal: Account,
  store: StoreAccount,
): Promise<string | undefined> {
  const ranges = await journal.moved();
  if (ranges === undefined) {
    await journal.startAccount(await totalsOf(store));
    return undefined;
  }
  const given = sumTotals(ranges.map(({ totals }) => totals));
  const found = await store.counts();
  if (isAll(found, given)) return undefined;
  const repaired = hasMore(found, given) ? found : await repair(journal, store, found, given);
  if (isAll(repaired, given))
    return `usage/ was repaired: it had ${shown(found)}, and was given ${shown(given)}.`;
  throw await refusal(ranges, store, repaired, given);
}

async function repair(
  journal: Account,
  store: StoreAccount,
  found: StoredCounts,
  given: Totals,
): Promise<StoredCounts> {
  if (!hasRows(found, given)) await store.restore(await journal.keptRows());
  const restored = await store.counts();
  // Rows that are not all there would make a rollup that agrees with them.
  if (!hasRows(restored, given)) return restored;
  if (restored.rolledUp !== restored.events) await store.rebuildRollup();
  return await store.counts();
}

/** All that is stored, for a journal that has no account of it yet. */
async function totalsOf(store: StoreAccount): Promise<Totals> {
  const { cancellations, rejections } = await store.counts();
  const all = (await store.rangeTotals([0])).get(0);
  return { events: 0, sequenceSum: 0n, valueSum: 0n, ...all, rejections, cancellations };
}

function isAll(found: StoredCounts, given: Totals): boolean {
  return hasRows(found, given) && found.rolledUp === given.events;
}

function hasRows(found: StoredCounts, given: Totals): boolean {
  return (
    found.events === given.events &&
    found.cancellations === given.cancellations &&
    found.rejections === given.rejections
  );
}

function hasMore(found: StoredCounts, given: Totals): boolean {
  return (
    found.events > given.events ||
    found.cancellations > given.cancellations ||
    found.rejections > given.rejections
  );
}

async function refusal(
  ranges: NonNullable<Awaited<ReturnType<Journal['moved']>>>,
  store: StoreAccount,
  found: StoredCounts,
  given: Totals,
): Promise<StartupError> {
  const counts = `journal.db gave ${shown(given)} to usage/, which has ${shown(found)}`;
  if (hasMore(found, given)) {
    return new StartupError(
      `journal.db is older than usage/, or another one: ${counts}. ` +
        'Restore both from the same copy of the data folder.',
    );
  }
  const where = await firstDifference(ranges, store);
  const aside = await store.setAside();
  const parts = aside.length === 0 ? '' : ` Damaged parts were set aside: ${aside.join(', ')}.`;
  return new StartupError(
    `usage/ lacks what it was given: ${counts}${where}.${parts} Restore the data folder from a backup.`,
  );
}

async function firstDifference(
  ranges: NonNullable<Awaited<ReturnType<Journal['moved']>>>,
  store: StoreAccount,
): Promise<string> {
  const after = [0, ...ranges.map(({ lastSequence }) => lastSequence)];
  // What cannot be read any more is no reason to hide the rest.
  const stored = await store.rangeTotals([...new Set(after)]).catch(() => undefined);
  const first = ranges.findIndex(
    ({ totals }, i) => totals.events !== (stored?.get(after[i]!)?.events ?? 0),
  );
  if (stored === undefined || first === -1) return '';
  return ` (the first that differ have the sequences ${after[first]! + 1} to ${after[first + 1]!})`;
}

function shown(counts: Totals | StoredCounts): string {
  const { events, cancellations, rejections } = counts;
  const rollup = 'rolledUp' in counts ? `, of ${counts.rolledUp} in the rollup` : '';
  return `${events} events${rollup}, ${cancellations} cancellations and ${rejections} rejections`;
}
