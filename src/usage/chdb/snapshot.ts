/**
 * A snapshot of the store's folder: parts are never changed once they are written, so links to them hold what is stored
 * now, whatever is inserted, merged or dropped later. What tokens the tables remember is not in it: who goes
 * on from a snapshot has a journal, and so tokens, of its own.
 */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Session } from 'chdb';
import { parseRows } from './parse-rows.ts';

/** Where the engine puts the links of a FREEZE. */
const SHADOW = 'shadow';
/** The engine finds its database by this link, which says where the definitions of the tables are. */
const DATABASE = join('metadata', 'default');

/** Links all parts of all tables into a new folder, which `openChdbUsageStore` takes. No insert may run. */
export async function snapshotInto(session: Session, root: string, folder: string): Promise<void> {
  removeShadow(root);
  const tables = parseRows<[name: string, path: string]>(
    session.query(
      `SELECT name, data_paths[1] FROM system.tables
       WHERE database = currentDatabase() AND engine LIKE '%MergeTree'`,
      'JSONCompactEachRow',
    ),
  );
  mkdirSync(join(folder, 'metadata'), { recursive: true });
  for (const [name] of tables) {
    await session.queryAsync(`ALTER TABLE ${name} FREEZE WITH NAME 'snapshot'`);
  }
  renameSync(join(root, SHADOW, 'snapshot', 'store'), join(folder, 'store'));
  removeShadow(root);
  for (const [, path] of tables) {
    // A table without rows has no part to link.
    const table = join(folder, relative(resolve(root), resolve(path)));
    mkdirSync(table, { recursive: true });
    copyFileSync(join(path, 'format_version.txt'), join(table, 'format_version.txt'));
  }
  const definitions = readlinkSync(join(root, DATABASE));
  cpSync(join(root, 'metadata', definitions), join(folder, 'metadata', definitions), {
    recursive: true,
  });
  symlinkSync(definitions, join(folder, DATABASE));
}

/** What a crash left of a snapshot: its links would keep the space of merged parts. */
export function removeShadow(root: string): void {
  rmSync(join(root, SHADOW), { recursive: true, force: true });
}
