import { systemClock } from '../lib/clock.ts';
import type { AuditConfig } from '../config/config.ts';
import { closeDataFolder, openDataFolder, type DataFolder } from '../ops/data-folder.ts';
import { compareAccount } from '../ingest/compare-account.ts';
import { formatRfc3339 } from '../domain/rfc3339.ts';
import { StartupError } from '../lib/startup-error.ts';
import { auditBackup } from './audit-backup.ts';
import { print } from '../lib/terminal.ts';
import { dateOf } from '../usage/pruned.ts';
import type { Audit, HourDifference, HourFigures } from '../usage/usage-store.ts';

/**
 * `taximeter audit`, on a folder that no server holds: recounts the hours of a range from the events and compares them with the
 * rollup; without a range, also every file's checksum, and what is stored with the journal's account of it. Throws with the
 * first difference. What waits in the journal is in none of them, and is not counted.
 */
export async function audit(config: AuditConfig): Promise<void> {
  if (config.backup !== undefined) return await auditBackup(config.backup, config.flags);
  const folder = await openDataFolder(config.data, systemClock, 'must exist');
  try {
    const found = await lookAt(folder, config);
    print(config.json ? JSON.stringify(found) : inWords(found));
    if (found.difference !== undefined) throw new StartupError(found.difference);
  } finally {
    await closeDataFolder(folder);
  }
}

type Found = Omit<Audit, 'first'> & {
  /** What is older was pruned; 0 when nothing was. */
  readonly prunedBeforeMs: number;
  /** On the journal's account; null when it was not compared, or there is none. */
  readonly accountEvents: number | null;
  /** The first, in words. */
  readonly difference: string | undefined;
};

async function lookAt({ journal, store }: DataFolder, { range }: AuditConfig): Promise<Found> {
  const isWhole = Object.values(range).every((limit) => limit === undefined);
  const { prunedBeforeMs } = store;
  const nothing = { prunedBeforeMs, events: 0, hours: 0, differences: 0, accountEvents: null };
  const damaged = isWhole ? await store.auditor.damagedParts() : [];
  // It could not be read.
  if (damaged.length > 0) {
    return {
      ...nothing,
      differences: damaged.length,
      difference: `usage/ is damaged: ${damaged.join('; ')}`,
    };
  }
  const { first, ...hours } = await store.auditor.hours(range);
  const account = isWhole ? await compareAccount(journal, store.account) : undefined;
  const accountDifference = account?.difference;
  return {
    prunedBeforeMs,
    ...hours,
    differences: hours.differences + (accountDifference === undefined ? 0 : 1),
    accountEvents: account?.events ?? null,
    difference: first === undefined ? accountDifference : describe(first),
  };
}

function inWords({ events, hours, prunedBeforeMs, differences, accountEvents }: Found): string {
  const since =
    prunedBeforeMs === 0 ? '' : ` since ${dateOf(prunedBeforeMs)} (what is older was pruned)`;
  const account =
    accountEvents === null ? '' : `; ${accountEvents} events were given by the journal`;
  return `${events} events in ${hours} customer hours${since}, ${differences} differences${account}`;
}

function describe({
  namespace,
  meterId,
  customer,
  hourMs,
  ofEvents,
  ofRollup,
}: HourDifference): string {
  return (
    `The rollup differs from the events: ${namespace}, meter ${meterId}, customer ${JSON.stringify(customer)}, ` +
    `hour ${formatRfc3339(hourMs)}: the events make ${figures(ofEvents)}, the rollup has ${figures(ofRollup)}.`
  );
}

function figures([count, sum, last, lastReceived]: HourFigures): string {
  return `count ${count}, sum ${sum}, last ${last}, last received ${lastReceived}`;
}
