/** How the store gets what it lacks, and loses what it has twice: all of it may be cut off, and is then done again. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from 'chdb';
import type { RestoredRows, StoreAccount } from '../account.ts';
import { differingMonthsSql } from '../sql/account.ts';
import {
  copiesSql,
  dropCopiesSql,
  insertMissingSql,
  mendHoursSql,
  rebuildMonthSql,
  structureSql,
} from '../sql/repair.ts';
import type { Statement } from '../sql/statement.ts';
import { toLiteral } from './literal.ts';
import type { TableFolders } from './table-folders.ts';

/** What is restored has rows in these. */
const TABLES = ['events', 'cancellations', 'rejections'] as const;

export type StoreParts = {
  readonly writer: Session;
  readonly folder: string;
  readonly folders: TableFolders;
};
type Query = <Row>(statement: Statement | string) => Promise<Row[]>;

/** As `storeAccount` says. */
export function repairs(
  { writer, folder, folders }: StoreParts,
  rows: Query,
  prunedBeforeMs: () => number,
  onRestore: (rows: RestoredRows) => void,
): Pick<StoreAccount, 'restore' | 'rebuildRollup' | 'dropCopies'> {
  const run = async (statements: readonly string[]): Promise<void> => {
    for (const sql of statements) await writer.queryAsync(sql);
  };
  const syncAll = async (): Promise<void> => await folders.sync([...TABLES, 'usage_hourly']);
  return {
    async restore(restored) {
      onRestore(restored);
      const file = join(folder, 'restored');
      for (const table of TABLES) {
        if (restored[table].length === 0) continue;
        const format =
          table === 'events' ? (restored.eventsFormat ?? 'Native') : 'JSONCompactEachRow';
        const [structure] = await rows<[string]>(structureSql(table));
        await writeFile(file, restored[table]);
        const source = `file(${toLiteral(file)}, ${format}, ${toLiteral(structure?.[0] ?? '')})`;
        await run([insertMissingSql(table, source, prunedBeforeMs())]);
        // The view has counted those that were inserted, and may have counted them before.
        if (table === 'events') await run([mendHoursSql(source, prunedBeforeMs())]);
        await rm(file);
      }
      await syncAll();
    },
    async rebuildRollup() {
      const months = (await rows<[string]>(differingMonthsSql(prunedBeforeMs()))).flat();
      for (const month of months) await run(rebuildMonthSql(month));
      if (months.length > 0) await syncAll();
      return months;
    },
    async dropCopies(afterSequence) {
      const found = new Set<string>();
      for (const table of TABLES) {
        // A cancellation has the sequence of its event, which may be an old one.
        const after = table === 'cancellations' ? 0 : afterSequence;
        for (const partition of (await rows<[string]>(copiesSql(table, after))).flat()) {
          const { make, end } = dropCopiesSql(table, partition, after);
          await run(make);
          // Until then the other table has them too.
          await folders.sync([table]);
          await run([end]);
          found.add(table);
        }
      }
      return [...found];
    },
  };
}
