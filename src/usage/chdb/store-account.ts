import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from 'chdb';
import type { BlockRows } from '../../journal/journal.ts';
import { storedQuantity } from '../rows.ts';
import type { RangeTotals, StoreAccount } from '../account.ts';
import {
  countsSql,
  detachedPartsSql,
  differingMonthsSql,
  insertMissingSql,
  rangeTotalsSql,
  rebuildMonthSql,
  storeIdSql,
  structureSql,
} from '../sql/account.ts';
import { toText, type Statement } from '../sql/statement.ts';
import { parseRows } from './session-pool.ts';
import { toLiteral } from './literal.ts';

/**
 * `onRestore` is told of rows before they are restored. Events before `prunedBeforeMs` are gone for good, and the rollup of
 * their hours is all that is left of them: neither is touched.
 *
 * By the session that writes: it is asked before there is anything to read, and no insert may run meanwhile.
 */
export function storeAccount(
  writer: Session,
  folder: string,
  prunedBeforeMs: () => number,
  onRestore: (rows: BlockRows) => void,
): StoreAccount {
  const rows = async <Row>(statement: Statement): Promise<Row[]> => {
    const result = await writer.queryAsync(toText(statement), { format: 'JSONCompactEachRow' });
    return parseRows<Row>(result.text());
  };
  const [id] = parseRows<[string]>(writer.query(storeIdSql().sql, 'JSONCompactEachRow'));
  return {
    id: id?.[0] ?? '',
    async counts() {
      const [row] = await rows<string[]>(countsSql(prunedBeforeMs()));
      const [events = 0, cancellations = 0, rejections = 0, rolledUp = 0] = (row ?? []).map(Number);
      return { events, cancellations, rejections, rolledUp };
    },
    async rangeTotals(afterSequences) {
      return new Map((await rows<string[]>(rangeTotalsSql(afterSequences))).map(toRange));
    },
    async restore(restored) {
      onRestore(restored);
      const { events, cancellations, rejections } = restored;
      const file = join(folder, 'restored');
      const insert = async (
        table: 'events' | 'cancellations' | 'rejections',
        bytes: Uint8Array,
        format: string,
      ): Promise<void> => {
        if (bytes.length === 0) return;
        const [structure] = await rows<[string]>(structureSql(table));
        await writeFile(file, bytes);
        const source = `file(${toLiteral(file)}, ${format}, ${toLiteral(structure?.[0] ?? '')})`;
        await writer.queryAsync(insertMissingSql(table, source, prunedBeforeMs()));
        await rm(file);
      };
      await insert('events', events, 'Native');
      await insert('cancellations', cancellations, 'JSONCompactEachRow');
      await insert('rejections', rejections, 'JSONCompactEachRow');
    },
    async rebuildRollup() {
      const months = (await rows<[string]>(differingMonthsSql(prunedBeforeMs()))).map(
        ([month]) => month,
      );
      for (const month of months) {
        for (const sql of rebuildMonthSql(month)) await writer.queryAsync(sql);
      }
      return months;
    },
    async setAside() {
      return (await rows<[string, string]>(detachedPartsSql())).map(([, path]) => path);
    },
  };
}

function toRange([after, events, sequences, values = '', rejections]: string[]): [
  number,
  RangeTotals,
] {
  return [
    Number(after),
    {
      events: Number(events),
      sequenceSum: BigInt(sequences ?? 0),
      valueSum: storedQuantity(values),
      rejections: Number(rejections),
    },
  ];
}
