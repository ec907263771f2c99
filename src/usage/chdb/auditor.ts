import { auditSql, firstDifferenceSql, toDifference, type DifferenceRow } from '../sql/audit.ts';
import { rollupPartsSql, rollupRowSql, tableCheckSql, type RollupRow } from '../sql/audit-draw.ts';
import type { Auditor } from '../usage-store.ts';
import type { SessionPool } from './session-pool.ts';

const TABLES = ['events', 'usage_hourly', 'cancellations', 'rejections'];

/** What was pruned is not looked at: its events are gone. */
export function auditor(readers: SessionPool, prunedBeforeMs: () => number): Auditor {
  return {
    async hours(asked) {
      const range = { ...asked, startMs: Math.max(asked.startMs ?? 0, prunedBeforeMs()) };
      const [row] = await readers.rows<string[]>(auditSql(range));
      const [events = 0, hours = 0, differences = 0] = (row ?? []).map(Number);
      if (differences === 0) return { events, hours, differences, first: undefined };
      const [first] = await readers.rows<DifferenceRow>(firstDifferenceSql(range));
      return { events, hours, differences, first: first && toDifference(first) };
    },
    async damagedParts() {
      const damaged: string[] = [];
      for (const table of TABLES) {
        const parts = await readers.rows<[string, number | boolean, string]>(tableCheckSql(table));
        for (const [part, isWhole, why] of parts) {
          if (!Number(isWhole)) damaged.push(`${table}/${part}: ${why.split('\n', 1)[0]}`);
        }
      }
      return damaged;
    },
    async draw(place) {
      const parts = await readers.rows<[string, string]>(rollupPartsSql());
      let row = Math.floor(place * parts.reduce((sum, [, rows]) => sum + Number(rows), 0));
      for (const [part, rows] of parts) {
        if (row < Number(rows)) {
          // A merge may have taken the part away.
          const [found] = await readers.rows<RollupRow>(rollupRowSql(part, row));
          if (found === undefined) return undefined;
          const [namespace, meterId, customer, hourS] = found;
          return { namespace, meterId, customer, hourMs: hourS * 1000 };
        }
        row -= Number(rows);
      }
      return undefined;
    },
  };
}
