/** Drawing one row of the rollup without reading it, and checking the files of a table. */
import type { Namespace } from '../../domain/namespace.ts';
import type { Statement } from './statement.ts';

/** Rows of (part, rows as text). */
export function rollupPartsSql(): Statement {
  return {
    sql: `
      SELECT name, toString(rows) FROM system.parts
      WHERE database = currentDatabase() AND table = 'usage_hourly' AND active
      ORDER BY name`,
    params: {},
  };
}

export type RollupRow = [namespace: Namespace, meterId: string, customer: string, hourS: number];

/** None or one row. Reads the granule that it is in. */
export function rollupRowSql(part: string, row: number): Statement {
  return {
    sql: `
      SELECT namespace, meter, customer, toUnixTimestamp(hour) FROM usage_hourly
      WHERE _part = {part:String} AND _part_offset = {row:Integer}
      LIMIT 1`,
    params: { part, row },
  };
}

/** Rows of (part, whether all its files are as they were written, why not). Reads everything. */
export function tableCheckSql(table: string): Statement {
  return { sql: `CHECK TABLE ${table} SETTINGS check_query_single_value_result = 0`, params: {} };
}
