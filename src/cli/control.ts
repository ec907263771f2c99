import { removeSnapshot, takeSnapshot, type Snapshot } from '../backup/snapshot.ts';
import { ControlServer, type Handler } from '../control/control-server.ts';
import type { DataFolder } from '../data-folder.ts';
import type { Ingest } from '../ingest/ingest.ts';
import { logError, logWarning } from '../log.ts';
import { StartupError } from '../startup-error.ts';

/** What a running server does for `taximeter backup` and other commands. It serves without that, if it has to. */
export async function openControl(
  dataFolder: string,
  folder: DataFolder,
  ingest: Ingest,
): Promise<ControlServer> {
  const control = new ControlServer(
    { snapshot: leaseSnapshot(dataFolder, folder, ingest) },
    (error) => logError('A command failed.', error),
  );
  await removeSnapshot(dataFolder);
  try {
    await control.listen(dataFolder);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logWarning(`No backup can be made while this server runs: ${reason}`);
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
