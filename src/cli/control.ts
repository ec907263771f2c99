import { removeSnapshot, takeSnapshot, type Snapshot } from '../ops/backup/snapshot.ts';
import { systemClock } from '../lib/clock.ts';
import type { ServeConfig } from '../config/config.ts';
import { ControlServer, type Handler } from '../ops/control/control-server.ts';
import type { DataFolder } from '../ops/data-folder.ts';
import type { Ingest } from '../ingest/ingest.ts';
import { logError, logWarning } from '../lib/log.ts';
import { StartupError } from '../lib/startup-error.ts';
import type { Prunable } from '../usage/usage-store.ts';
import { pruneIfAllowed, type PruneRequest } from './prune.ts';

/** What a running server does for `taximeter backup` and other commands. It serves without that, if it has to. */
export async function openControl(
  config: ServeConfig,
  folder: DataFolder,
  ingest: Ingest,
): Promise<ControlServer> {
  const control = new ControlServer(
    {
      snapshot: leaseSnapshot(config.data, folder, ingest),
      prune: pruneWhileServing(config, folder, ingest),
    },
    (error) => logError('A command failed.', error),
  );
  await removeSnapshot(config.data);
  try {
    await control.listen(config.data);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logWarning(`Nothing can be backed up or pruned while this server runs: ${reason}`);
  }
  return control;
}

/** A snapshot, for as long as who asked for it is there. */
function leaseSnapshot(dataFolder: string, folder: DataFolder, ingest: Ingest): Handler {
  let isTaken = false;
  const giveBack = async (): Promise<void> => {
    await removeSnapshot(dataFolder).catch((error: unknown) =>
      logError('A snapshot could not be removed.', error),
    );
    isTaken = false;
  };
  return async (_, gone): Promise<Snapshot> => {
    if (isTaken) throw new StartupError('Another backup is being made.');
    isTaken = true;
    try {
      const snapshot = await takeSnapshot(
        dataFolder,
        folder,
        async (work) => await ingest.atRest(work),
      );
      void gone.then(giveBack);
      return snapshot;
    } catch (error) {
      isTaken = false;
      throw error;
    }
  };
}

/** One at a time. */
function pruneWhileServing(config: ServeConfig, { store }: DataFolder, ingest: Ingest): Handler {
  let isPruning = false;
  return async (params): Promise<Prunable> => {
    if (isPruning) throw new StartupError('Another prune runs.');
    isPruning = true;
    try {
      // What `taximeter prune` of this version sends.
      const request = params as PruneRequest;
      const nowMs = systemClock.nowMs();
      return await pruneIfAllowed(request, config, store, nowMs, async () => {
        await ingest.prune(request.beforeMs, nowMs);
      });
    } finally {
      isPruning = false;
    }
  };
}
