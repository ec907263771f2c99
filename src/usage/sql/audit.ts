/**
 * Of what is not pruned, one row of text: (events, hours, hours in which rollup and raw events differ).
 *
 * Both sides are laid on top of each other and grouped by hour, so that an hour that only one of them has
 * counts as a difference too.
 */
import type { Statement } from './statement.ts';

export function auditSql(prunedBeforeMs: number): Statement {
  return {
    sql: `
      SELECT
        toString(sum(raw.1)),
        toString(count()),
        toString(countIf(raw != rollup))
      FROM (
        SELECT
          (sumIf(count, is_raw), sumIf(sum, is_raw),
            maxIf(last, is_raw), maxIf(last_received, is_raw)) AS raw,
          (sumIf(count, NOT is_raw), sumIf(sum, NOT is_raw),
            maxIf(last, NOT is_raw), maxIf(last_received, NOT is_raw)) AS rollup
        FROM (
          SELECT true AS is_raw, namespace, meter, customer, toStartOfHour(timestamp) AS hour,
            toUInt64(1) AS count, toDecimal256(value, 12) AS sum,
            (timestamp, sequence, value) AS last, (sequence, timestamp, value) AS last_received
          FROM events
          WHERE timestamp >= fromUnixTimestamp64Milli({prunedBefore:Integer}, 'UTC')
          UNION ALL
          SELECT false, namespace, meter, customer, hour, count, sum, last, last_received
          FROM usage_hourly
          WHERE hour >= fromUnixTimestamp64Milli({prunedBefore:Integer}, 'UTC')
        )
        GROUP BY namespace, meter, customer, hour
      )`,
    params: { prunedBefore: prunedBeforeMs },
  };
}
