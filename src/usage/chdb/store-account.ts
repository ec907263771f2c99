import { storedQuantity } from '../rows.ts';
import type { RangeTotals, RestoredRows, StoreAccount } from '../account.ts';
import { countsSql, detachedPartsSql, rangeTotalsSql, storeIdSql } from '../sql/account.ts';
import { toText, type Statement } from '../sql/statement.ts';
import { repairs, type StoreParts } from './repairs.ts';
import { parseRows } from './parse-rows.ts';

/**
 * `onRestore` is told of rows before they are restored. Events before `prunedBeforeMs` are gone for good, and the rollup of
 * their hours is all that is left of them: neither is touched.
 *
 * By the session that writes: it is asked before there is anything to read, and no insert may run meanwhile.
 */
export function storeAccount(
  store: StoreParts,
  prunedBeforeMs: () => number,
  onRestore: (rows: RestoredRows) => void,
): StoreAccount {
  const { writer } = store;
  const rows = async <Row>(statement: Statement | string): Promise<Row[]> => {
    const sql = typeof statement === 'string' ? statement : toText(statement);
    const result = await writer.queryAsync(sql, { format: 'JSONCompactEachRow' });
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
    ...repairs(store, rows, prunedBeforeMs, onRestore),
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
