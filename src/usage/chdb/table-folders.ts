/**
 * The folders in which the tables have their parts, and their sync. The engine syncs a part's files and then renames
 * the part into place, but not the folder that this is an entry of: a power cut could take the part back, when the
 * journal has dropped its blocks.
 */
import { open } from 'node:fs/promises';
import type { Session } from 'chdb';
import { UnsureInsertError } from '../usage-store.ts';
import { parseRows } from './parse-rows.ts';

export class TableFolders {
  readonly #folderOf: ReadonlyMap<string, string>;

  constructor(session: Session) {
    const sql = 'SELECT name, data_paths[1] FROM system.tables WHERE database = currentDatabase()';
    const rows = parseRows<[string, string]>(session.query(sql, 'JSONCompactEachRow'));
    this.#folderOf = new Map(rows);
  }

  /** Brings to disk which parts these tables have. Throws UnsureInsertError. */
  async sync(tables: readonly string[]): Promise<void> {
    await Promise.all(
      tables.map(async (table) => {
        const folder = this.#folderOf.get(table) ?? '';
        try {
          await syncFolder(folder);
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          throw new UnsureInsertError(`The folder of ${table} could not be synced: ${reason}`);
        }
      }),
    );
  }
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}
