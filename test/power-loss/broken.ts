/** Copies of the sources with a fault: cuts of power must find each of them. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const REPO = join(import.meta.dirname, '../..');

type Fault = { readonly file: string; readonly text: string; readonly by: string };

export const FAULTS = {
  /** Answers before the disk has it. */
  'journal-sync': {
    file: 'src/journal/sqlite/journal-file.ts',
    text: "db.pragma('synchronous = FULL');",
    by: "db.pragma('synchronous = NORMAL');",
  },
  /** The journal drops what the usage store may lose again. */
  'folders-sync': {
    file: 'src/usage/chdb/table-folders.ts',
    text: 'await syncFolder(folder);',
    by: 'void folder;',
  },
  /** The tables that hold the parts may be gone. */
  'layout-sync': {
    file: 'src/usage/chdb/chdb-usage-store.ts',
    text: '    syncLayout(folder);\n',
    by: '',
  },
  /** Believes the engine's lists of tokens. */
  'by-token': {
    file: 'src/ingest/flusher.ts',
    text: 'if (plan.lastBlockId <= this.#journal.plannedThrough)',
    by: 'if (plan.lastBlockId < 0)',
  },
  /** What was merged is gone before the merged part is on disk. */
  'merge-sync': {
    file: 'src/usage/schema.ts',
    text: 'min_rows_to_fsync_after_merge = 1',
    by: 'min_rows_to_fsync_after_merge = 0',
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

/** Makes the copy in this folder; answers its command, as TAXIMETER_UNDER_TEST takes it. */
export function breakSources(name: FaultName, folder: string): string {
  const { file, text, by }: Fault = FAULTS[name];
  mkdirSync(folder, { recursive: true });
  cpSync(join(REPO, 'src'), join(folder, 'src'), { recursive: true });
  cpSync(join(REPO, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(REPO, 'node_modules'), join(folder, 'node_modules'));
  const path = join(folder, file);
  const source = readFileSync(path, 'utf8');
  assert.equal(source.split(text).length, 2, `${file} has not, once: ${text}`);
  writeFileSync(path, source.replace(text, by));
  return join(folder, 'src/main.ts');
}
