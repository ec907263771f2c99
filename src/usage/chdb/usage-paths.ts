import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Paths } from '../../lib/files/open-paths.ts';

/** What the engine holds of an open store, or finds by its path: its lock, which goes when it is closed, and the folders of the tables. */
export function usagePaths(folder: string): Required<Paths> {
  const tables = join(folder, 'data', 'default');
  return {
    files: [],
    // The lock.
    probes: [join(folder, 'status')],
    logs: [join(folder, 'status')],
    // Links, which lead to where the parts are.
    folders: [folder, ...readdirSync(tables).map((table) => join(tables, table))],
  };
}
