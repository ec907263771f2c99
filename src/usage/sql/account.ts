/** What the store has, to be compared with the journal's account of what it was given. */
import type { Statement } from './statement.ts';

/** One row of text: events, cancellations, rejections, events as the rollup counts them. Hardly anything is read. */
export function countsSql(prunedBeforeMs: number): Statement {
  return {
    sql: `
      SELECT
        toString((SELECT count() FROM events)),
        toString((SELECT count() FROM cancellations)),
        toString((SELECT count() FROM rejections)),
        toString((SELECT sum(count) FROM usage_hourly WHERE hour >= {prunedBeforeS:Integer}))`,
    params: { prunedBeforeS: prunedBeforeMs / 1000 },
  };
}

/**
 * Rows of text (sequence after which the range begins, events, sum of sequences, sum of values, rejections), for the ranges
 * between these sequences, which rise from 0; the last range has no end. Ranges without anything are left out.
 */
export function rangeTotalsSql(afterSequences: readonly number[]): Statement {
  const after = `roundDown(sequence - 1, {after:Array(Integer)})`;
  return {
    sql: `
      SELECT
        toString(after), toString(sum(events)), toString(sum(sequences)), toString(sum(values)),
        toString(sum(rejections))
      FROM (
        SELECT ${after} AS after, count() AS events, sum(toUInt256(sequence)) AS sequences,
          sum(toDecimal256(value, 12)) AS values, 0 AS rejections
        FROM events GROUP BY after
        UNION ALL
        SELECT ${after} AS after, 0, toUInt256(0), toDecimal256(0, 12), count()
        FROM rejections GROUP BY after
      )
      GROUP BY after`,
    params: { after: afterSequences },
  };
}

/** Rows of (month as `202601`): those in which rollup and events have not as many. */
export function differingMonthsSql(prunedBeforeMs: number): Statement {
  return {
    sql: `
      SELECT month FROM (
        SELECT _partition_id AS month, toInt64(count()) AS events FROM events GROUP BY month
        UNION ALL
        SELECT _partition_id AS month, -toInt64(sum(count)) FROM usage_hourly
        WHERE hour >= {prunedBeforeS:Integer} GROUP BY month
      )
      GROUP BY month
      HAVING sum(events) != 0
      ORDER BY month`,
    params: { prunedBeforeS: prunedBeforeMs / 1000 },
  };
}

/** One row: the id that the table of events was made with, by which its folder is named. */
export function storeIdSql(): Statement {
  return {
    sql: `
      SELECT extract(data_paths[1], '([0-9a-f-]{36})/?$') FROM system.tables
      WHERE database = currentDatabase() AND name = 'events'`,
    params: {},
  };
}

/** Rows of (table, part). */
export function detachedPartsSql(): Statement {
  return {
    sql: `SELECT table, path FROM system.detached_parts WHERE database = currentDatabase() ORDER BY path`,
    params: {},
  };
}
