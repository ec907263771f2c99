/** What pruning asks and does: months of events go, the rollup stays, and hours with a cancellation are settled first. */
import type { Statement } from './statement.ts';

/** Rows of (month as `202601`, events, the last time of arrival in ms), of events before a time. */
export function prunableMonthsSql(beforeMs: number): Statement {
  return {
    sql: `
      SELECT
        _partition_id AS month,
        toString(count()),
        toString(toUnixTimestamp64Milli(max(received_at)))
      FROM events
      WHERE timestamp < fromUnixTimestamp64Milli({before:Integer}, 'UTC')
      GROUP BY month
      ORDER BY month`,
    params: { before: beforeMs },
  };
}

/** Rows of (month, bytes on disk). */
export function monthBytesSql(): Statement {
  return {
    sql: `
      SELECT partition_id, toString(sum(bytes_on_disk))
      FROM system.parts
      WHERE database = currentDatabase() AND table = 'events' AND active
      GROUP BY partition_id`,
    params: {},
  };
}

const CANCELLED = `
  FROM cancellations
  WHERE timestamp >= fromUnixTimestamp64Milli({from:Integer}, 'UTC')
    AND timestamp < fromUnixTimestamp64Milli({before:Integer}, 'UTC')`;

/** One row: in how many customer hours of these months there are cancellations. */
export function cancelledHoursSql(fromMs: number, beforeMs: number): Statement {
  return {
    sql: `SELECT toString(uniqExact(namespace, meter, customer, toStartOfHour(timestamp))) ${CANCELLED}`,
    params: { from: fromMs, before: beforeMs },
  };
}

/**
 * Keeps what each hour with a cancellation counts without its cancelled events: from then on that is read in place of
 * the events. A second time, after more cancellations, it takes the place of the first.
 */
export function settleHoursSql(fromMs: number, beforeMs: number): Statement {
  const counts = `sequence NOT IN (SELECT sequence ${CANCELLED})`;
  return {
    sql: `
      INSERT INTO settled_hours
        (namespace, meter, customer, hour, count, sum, last, last_received, cancelled)
      SELECT
        namespace,
        meter,
        customer,
        toStartOfHour(timestamp) AS hour,
        countIf(${counts}),
        sumIf(toDecimal256(value, 12), ${counts}),
        maxIf((timestamp, sequence, value), ${counts}),
        maxIf((sequence, timestamp, value), ${counts}),
        countIf(NOT ${counts})
      FROM events
      WHERE timestamp >= fromUnixTimestamp64Milli({from:Integer}, 'UTC')
        AND timestamp < fromUnixTimestamp64Milli({before:Integer}, 'UTC')
        AND (namespace, meter, customer, toStartOfHour(timestamp)) IN (
          SELECT namespace, meter, customer, toStartOfHour(timestamp) ${CANCELLED})
      GROUP BY namespace, meter, customer, hour
      SETTINGS async_insert = 0, max_partitions_per_insert_block = 0`,
    params: { from: fromMs, before: beforeMs },
  };
}

/** Writes down that events before this are pruned, and the last sequence: the event that had it may be one of them. */
export function recordPruneSql(beforeMs: number, lastSequence: number, nowMs: number): Statement {
  return {
    sql: `
      INSERT INTO prunes (before, last_sequence, pruned_at) SETTINGS async_insert = 0
      SELECT
        fromUnixTimestamp64Milli({before:Integer}, 'UTC'),
        {lastSequence:Integer},
        fromUnixTimestamp64Milli({now:Integer}, 'UTC')`,
    params: { before: beforeMs, lastSequence, now: nowMs },
  };
}

/** One row: before when events are pruned, in ms; 0 when none are. */
export function prunedBeforeSql(): Statement {
  return {
    sql: 'SELECT toString(toUnixTimestamp64Milli(max(before))) FROM prunes',
    params: {},
  };
}
