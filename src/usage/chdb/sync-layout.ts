/**
 * Where the tables are and what they are: what the engine writes of it, it does not sync, or not the folders that it is in. A power
 * cut within half a minute of the first start could leave the parts of tables that nothing names.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { syncFile, syncFolder } from '../../lib/files/durable-file.ts';

/** Parts are synced as they are made, also those that have no name yet. */
const PART = /^(?:tmp\w*_)?\w+_\d+_\d+_\d+(?:_\d+)?$/u;

/**
 * Brings to disk all folders and files of the store but those of its parts, and which parts there are. To be called when the tables
 * are made, before anything relies on them. Some 60 syncs, which cost little when there is nothing to sync.
 */
export function syncLayout(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile()) syncFile(path);
    if (entry.isDirectory() && !PART.test(entry.name)) syncLayout(path);
  }
  syncFolder(folder);
}
