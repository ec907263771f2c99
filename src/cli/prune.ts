import { DAY_MS, HOUR_MS } from '../domain/time.ts';
import { settle } from '../ops/backup/stopped.ts';
import { systemClock } from '../lib/clock.ts';
import type { PruneConfig, Windows } from '../config/config.ts';
import { askServer } from '../ops/control/control-client.ts';
import { closeDataFolder, openDataFolder } from '../ops/data-folder.ts';
import { StartupError } from '../lib/startup-error.ts';
import { print } from '../lib/terminal.ts';
import { dateOf } from '../usage/pruned.ts';
import type { Prunable, UsageStore } from '../usage/usage-store.ts';

export type PruneRequest = Pick<PruneConfig, 'beforeMs' | 'yes'>;

/** `taximeter prune`: on a data folder that a server runs on, by that server's windows, or on a stopped one. */
export async function prune(config: PruneConfig): Promise<void> {
  const { beforeMs, yes } = config;
  const request: PruneRequest = { beforeMs, yes };
  const asked = await askServer(config.data, { call: 'prune', params: request });
  if (asked !== undefined) {
    asked.close();
    // What the server's handler of this name answers.
    return report(request, asked.value as Prunable);
  }
  const folder = await openDataFolder(config.data, systemClock, 'must exist');
  try {
    await settle(folder);
    const { journal, store } = folder;
    const nowMs = systemClock.nowMs();
    const prunable = await pruneIfAllowed(request, config, store, nowMs, async () => {
      // As the server does.
      await journal.giveUpAccount();
      await store.prune(beforeMs, nowMs, async () => undefined);
    });
    report(request, prunable);
  } finally {
    await closeDataFolder(folder);
  }
}

/** Answers what is dropped, or without `yes` would be. Throws StartupError when something still needs these events. */
export async function pruneIfAllowed(
  { beforeMs, yes }: PruneRequest,
  windows: Windows,
  store: Pick<UsageStore, 'prunable'>,
  nowMs: number,
  go: () => Promise<void>,
): Promise<Prunable> {
  refuseTooNew(beforeMs, windows, nowMs);
  const prunable = await store.prunable(beforeMs);
  refuseNeeded(prunable, windows, nowMs);
  if (yes) await go();
  return prunable;
}

/** No event may come for a month that is pruned. */
function refuseTooNew(beforeMs: number, { pastDays }: Windows, nowMs: number): void {
  if (beforeMs <= nowMs - pastDays * DAY_MS) return;
  throw new StartupError(
    `Events of before ${dateOf(beforeMs)} can still come: they may be ${pastDays} days old (--past-days).`,
  );
}

/** An identifier stays taken for as long as was promised (P4), and so does the right to cancel. */
function refuseNeeded({ lastReceivedAtMs }: Prunable, windows: Windows, nowMs: number): void {
  const { identifierWindowDays, cancelWindowHours = 0 } = windows;
  // As long as identifiers are remembered: a day more than the window.
  const keptMs = Math.max((identifierWindowDays + 1) * DAY_MS, cancelWindowHours * HOUR_MS);
  if (lastReceivedAtMs < nowMs - keptMs) return;
  throw new StartupError(
    `Events of these months came as late as ${dateOf(lastReceivedAtMs)}. Their identifiers are remembered for ` +
      `${identifierWindowDays} days, and they can be cancelled for as long as --cancel-window-hours says: ` +
      `prune them after ${dateOf(lastReceivedAtMs + keptMs + DAY_MS)}.`,
  );
}

function report({ beforeMs, yes }: PruneRequest, { months, cancelledHours }: Prunable): void {
  const date = dateOf(beforeMs);
  if (months.length === 0) return print(`There are no events before ${date}.`);
  for (const { month, events, bytes } of months) {
    print(`${month}  ${events} events  ${bytes} bytes`);
  }
  print(
    `Of events before ${date}, usage by the hour is kept: summaries of whole hours stay as they are, ${cancelledHours} ` +
      'customer hours with cancellations too. No such event can be cancelled or looked up any more, no summary can begin ' +
      'or end within an hour there, and none of it can be grouped or counted in another way.',
  );
  print(yes ? 'They are dropped.' : 'Nothing was dropped. With --yes they are, for good.');
}
