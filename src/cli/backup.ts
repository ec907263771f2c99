import { Base } from '../ops/backup/base.ts';
import {
  removeSnapshot,
  snapshotFolder,
  takeSnapshot,
  type Snapshot,
} from '../ops/backup/snapshot.ts';
import { settle } from '../ops/backup/stopped.ts';
import { refuseTaken, writeBackup } from '../ops/backup/write-backup.ts';
import { systemClock } from '../lib/clock.ts';
import type { BackupConfig } from '../config/config.ts';
import { askServer } from '../ops/control/control-client.ts';
import { closeDataFolder, openDataFolder } from '../ops/data-folder.ts';
import { isWithin } from '../lib/files/folder-rules.ts';
import { readVersion } from '../lib/version.ts';
import { formatRfc3339 } from '../domain/rfc3339.ts';
import { StartupError } from '../lib/startup-error.ts';
import { print } from '../lib/terminal.ts';

/**
 * `taximeter backup`: of a data folder that a server runs on, or of a stopped one. The server makes a snapshot; it is copied
 * here, so that the server has nothing to do with where it goes.
 */
export async function backup(config: BackupConfig): Promise<void> {
  refuseTaken(config.to, config.data);
  const base = openBase(config);
  const asked = await askServer(config.data, { call: 'snapshot', params: null });
  if (asked === undefined) return await backupStopped(config, base);
  try {
    // What the server's handler of this name answers.
    copy(config, asked.value as Snapshot, base);
  } finally {
    asked.close();
  }
}

function openBase({ base, data }: BackupConfig): Base | undefined {
  if (base === undefined) return undefined;
  const opened = new Base(base);
  if (isWithin(base, data)) {
    throw new StartupError(
      `The base ${base} is in the data folder ${data}: a backup is kept elsewhere.`,
    );
  }
  return opened;
}

async function backupStopped(config: BackupConfig, base: Base | undefined): Promise<void> {
  const folder = await openDataFolder(config.data, systemClock, 'must exist');
  try {
    const snapshot = await takeSnapshot(config.data, folder, await settle(folder));
    copy(config, snapshot, base);
  } finally {
    await removeSnapshot(config.data);
    await closeDataFolder(folder);
  }
}

function copy({ data, to }: BackupConfig, snapshot: Snapshot, base: Base | undefined): void {
  const { sequence, pauseMs } = snapshot;
  const createdAt = formatRfc3339(systemClock.nowMs());
  const about = { release: readVersion(), createdAt, sequence };
  const { files, bytes, sharedBytes } = writeBackup(snapshotFolder(data), to, about, base);
  const shared = base === undefined ? '' : `, ${sharedBytes} of them shared with the base`;
  print(
    `${to} stands at sequence ${sequence}: ${files} files, ${bytes} bytes${shared}; commits paused for ${pauseMs} ms`,
  );
}
