/**
 * What the usage store has against what the journal gave it, when nothing waits any more. What is missing is given to it again,
 * as far as the journal still has it, and what is there twice is left once; else nothing may be answered from it.
 */
import type { Journal, MovedRange } from '../journal/journal.ts';
import { sumTotals, type Totals } from '../journal/totals.ts';
import { StartupError } from '../lib/startup-error.ts';
import type { StoreAccount, StoredCounts } from '../usage/account.ts';
import { firstDifference } from './compare-account.ts';

type Account = Pick<Journal, 'moved' | 'startAccount' | 'keptRows' | 'lastSequence'>;

/** Answers what was repaired, for the operator; undefined when nothing had to be. Throws StartupError when it cannot be. */
export async function checkAccount(
  journal: Account,
  store: StoreAccount,
): Promise<string | undefined> {
  const ranges = await journal.moved();
  if (ranges === undefined) return await beginAccount(journal, store);
  const given = sumTotals(ranges.map(({ totals }) => totals));
  const found = await store.counts();
  const isWhole = hasRows(found, given) && (await store.rebuildRollup()).length === 0;
  if (isWhole) return undefined;
  const once = hasMore(found, given) ? await dropCopies(ranges, store) : found;
  if (hasMore(once, given)) throw strangeRows(once, given);
  if (!hasRows(once, given)) await store.restore(await journal.keptRows());
  const repaired = await store.counts();
  // Of rows that are not all there, the rollup would agree with what is missing.
  if (!hasRows(repaired, given)) throw await missingRows(ranges, store, repaired, given);
  await store.rebuildRollup();
  return inWords(found, given);
}

/** Of a journal that has none yet, with all that is stored. */
async function beginAccount(journal: Account, store: StoreAccount): Promise<string | undefined> {
  const found = await store.counts();
  // Each sequence is one event or one rejection.
  const isTwice = found.events + found.rejections > journal.lastSequence;
  if (isTwice) await store.dropCopies(0);
  await store.rebuildRollup();
  const totals = await totalsOf(store);
  await journal.startAccount(totals);
  return isTwice ? inWords(found, totals) : undefined;
}

async function totalsOf(store: StoreAccount): Promise<Totals> {
  const { cancellations, rejections } = await store.counts();
  const all = (await store.rangeTotals([0])).get(0);
  return { events: 0, sequenceSum: 0n, valueSum: 0n, ...all, rejections, cancellations };
}

/** An earlier version could insert the rows of a plan once more in a start after a power cut. */
async function dropCopies(
  ranges: readonly MovedRange[],
  store: StoreAccount,
): Promise<StoredCounts> {
  await store.dropCopies((await firstDifference(ranges, store))?.after ?? 0);
  return await store.counts();
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

function strangeRows(found: StoredCounts, given: Totals): StartupError {
  return new StartupError(
    `journal.db is older than usage/, or of another folder: ${counts(found, given)}, and what is more is no copy of the rest. ` +
      'Restore both from the same copy of the data folder.',
  );
}

async function missingRows(
  ranges: readonly MovedRange[],
  store: StoreAccount,
  found: StoredCounts,
  given: Totals,
): Promise<StartupError> {
  // What cannot be read any more is no reason to hide the rest.
  const first = await firstDifference(ranges, store).catch(() => undefined);
  const where =
    first === undefined
      ? ''
      : ` (the first that differ have the sequences ${first.after + 1} to ${first.to})`;
  const aside = await store.setAside();
  const parts = aside.length === 0 ? '' : ` Damaged parts were set aside: ${aside.join(', ')}.`;
  return new StartupError(
    `usage/ lacks what it was given: ${counts(found, given)}${where}.${parts} Restore the data folder from a backup.`,
  );
}

/** What a start has made of it. */
function inWords(found: StoredCounts, given: Totals): string {
  const why = hasMore(found, given)
    ? ' What was there twice (an earlier version could insert it once more after a loss of power) is there once.'
    : '';
  return `usage/ was repaired: it had ${shown(found)}, and was given ${shown(given)}.${why}`;
}

function counts(found: StoredCounts, given: Totals): string {
  return `journal.db gave ${shown(given)} to usage/, which has ${shown(found)}`;
}

function shown(of: Totals | StoredCounts): string {
  const { events, cancellations, rejections } = of;
  const rollup = 'rolledUp' in of ? `, of ${of.rolledUp} in the rollup` : '';
  return `${events} events${rollup}, ${cancellations} cancellations and ${rejections} rejections`;
}
