/** The steps of a start: each leaves the parts agreeing with what is on disk, or refuses with what is wrong. */
import type { Answers } from '../catalog/catalog.ts';
import { ApiError } from '../domain/errors.ts';
import type { Journal } from '../journal/journal.ts';
import { StartupError } from '../lib/startup-error.ts';
import type { UsageStore } from '../usage/usage-store.ts';
import { ANSWER_KEPT_MS, IN_CATALOG, type AnsweredKeys } from './answered-keys.ts';
import type { Flusher } from './flusher.ts';
import type { Identifiers } from './identifiers.ts';

export async function flushAll(
  flusher: Flusher,
  { lastBlockId }: Pick<Journal, 'lastBlockId'>,
): Promise<void> {
  try {
    await flusher.flushThrough(lastBlockId);
  } catch (error) {
    const cause = error instanceof ApiError && error.cause instanceof Error ? error.cause : error;
    // The journal's own.
    if (cause instanceof StartupError) throw cause;
    throw new StartupError(
      `The usage store does not take what the journal holds: ${firstLine(cause)}. ` +
        'If it is not the disk, restore the data folder from a backup.',
    );
  }
}

/** A step of the start. What the usage store cannot read now it will not be able to read later either. */
export async function readUsage<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(
      `usage/ cannot be read: ${firstLine(error)}. If it is not the disk, restore the data folder from a backup.`,
    );
  }
}

function firstLine(error: unknown): string {
  const [line = ''] = String(error instanceof Error ? error.message : error).split('\n', 1);
  return line;
}

/**
 * Before anything is inserted: what the usage store has that the journal did not give it would be there twice, since what
 * the journal inserts has other tokens.
 */
export async function refuseNewerStore(
  { mayBeStoredThrough }: Pick<Journal, 'mayBeStoredThrough'>,
  store: Pick<UsageStore, 'lastSequence'>,
): Promise<void> {
  const stored = await store.lastSequence();
  if (stored > mayBeStoredThrough) throw strangers(mayBeStoredThrough, stored);
}

/**
 * With everything flushed, the last event of the store is the last that the journal ever took. If not, one
 * of the two was lost or restored alone: sequences and tokens would come again, or events are missing.
 */
export async function refuseStrangers(
  { lastSequence }: Pick<Journal, 'lastSequence'>,
  store: Pick<UsageStore, 'lastSequence'>,
): Promise<void> {
  const stored = await store.lastSequence();
  if (stored !== lastSequence) throw strangers(lastSequence, stored);
}

function strangers(lastSequence: number, stored: number): StartupError {
  const what =
    stored > lastSequence
      ? 'journal.db is older than usage/, or another one'
      : 'usage/ lacks events that it was given';
  return new StartupError(
    `${what}: the last event is number ${lastSequence} in journal.db and ${stored} in usage/. ` +
      'Restore both from the same copy of the data folder.',
  );
}

/** From the usage store, what is not in files already. */
export async function rememberIdentifiers(
  identifiers: Identifiers,
  { lastSequence }: Pick<Journal, 'lastSequence'>,
  store: Pick<UsageStore, 'identifiers' | 'lastReceivedAtMs'>,
  nowMs: number,
): Promise<void> {
  const afterSequence = identifiers.coveredThrough;
  // A clock that is ahead makes nothing older than it is to the last event; it may be set back while the server runs.
  const sinceMs = identifiers.rememberedSinceMs(Math.min(nowMs, await store.lastReceivedAtMs()));
  for await (const chunk of store.identifiers({ afterSequence, sinceMs })) {
    const { namespace, bytes, starts, lengths } = chunk;
    for (let i = 0; i < chunk.count; i += 1) {
      // A time from when the clock was ahead would be remembered for that much longer.
      const receivedAtMs = Math.min(chunk.receivedAtMs[i]!, nowMs);
      identifiers.addBytes(namespace, bytes, starts[i]!, lengths[i]!, receivedAtMs);
    }
    await identifiers.makeRoom();
  }
  await identifiers.rebuilt(lastSequence);
}

/** From the journal's receipts, what is not in files already, and from the catalog. */
export async function rememberAnswers(
  answeredKeys: AnsweredKeys,
  journal: Pick<Journal, 'receiptsSince' | 'lastBlockId' | 'lastReceiptAtMs'>,
  answers: Pick<Answers, 'keys'>,
  nowMs: number,
): Promise<void> {
  const sinceMs = Math.min(nowMs, journal.lastReceiptAtMs) - ANSWER_KEPT_MS;
  for await (const block of journal.receiptsSince(sinceMs, answeredKeys.coveredThrough)) {
    answeredKeys.addPacked(block);
    await answeredKeys.makeRoom();
  }
  for (const { namespace, idempotencyKey, createdMs } of answers.keys()) {
    answeredKeys.add(answeredKeys.hashKey(namespace, idempotencyKey), createdMs, IN_CATALOG);
  }
  await answeredKeys.rebuilt(journal.lastBlockId);
}
