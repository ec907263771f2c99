import { restoreBackup } from '../ops/backup/restore.ts';
import type { RestoreConfig } from '../config/config.ts';
import { print } from '../lib/terminal.ts';

/** `taximeter restore`: makes a new data folder of a backup. */
export function restore({ from, data }: RestoreConfig): void {
  const { sequence, createdAt } = restoreBackup(from, data);
  print(`${data} stands at sequence ${sequence}, as ${from} did when it was made (${createdAt}).`);
}
