import { mapInTurns } from '../../lib/turns.ts';
import type { CustomerUsageReader } from '../customer-usage.ts';
import { storedQuantity } from '../rows.ts';
import {
  arrivedSql,
  cancelledSql,
  toArrived,
  toTouched,
  usageOfSql,
  type ArrivedRow,
  type TouchedRow,
} from '../sql/customer-usage.ts';
import type { SessionPool } from './session-pool.ts';

/** `isCancelled`: whether any event of a meter was ever cancelled. Events before `prunedBeforeMs` are not there. */
export function customerUsageReader(
  readers: SessionPool,
  isCancelled: (namespace: string, meterId: string) => boolean,
  prunedBeforeMs: () => number,
): CustomerUsageReader {
  return {
    async usageOf(query) {
      if (query.customers.length === 0) return [];
      const anyCancelled = isCancelled(query.namespace, query.meterId);
      const statement = usageOfSql(query, anyCancelled, prunedBeforeMs());
      const rows = await readers.rows<[string, string, string]>(statement);
      return rows.map(([customer, value, lastSequence]) => ({
        customer,
        value: storedQuantity(value),
        lastSequence: Number(lastSequence),
      }));
    },
    async arrived(query) {
      if (query.meterIds.length === 0) return [];
      return await mapInTurns(await readers.rows<ArrivedRow>(arrivedSql(query)), toArrived);
    },
    async cancelled(meterIds) {
      if (meterIds.length === 0) return [];
      return await mapInTurns(await readers.rows<TouchedRow>(cancelledSql(meterIds)), toTouched);
    },
  };
}
