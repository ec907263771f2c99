/** What gives the store again what it lacks, and takes from it what it has twice. */
import type { Statement } from './statement.ts';

/** In order: they make a month of the rollup again from its events, in one step at the end. A crash before it changes nothing. */
export function rebuildMonthSql(month: string): readonly string[] {
  return [
    'DROP TABLE IF EXISTS usage_hourly_again',
    'CREATE TABLE usage_hourly_again AS usage_hourly',
    `INSERT INTO usage_hourly_again
     SELECT namespace, meter, customer, toStartOfHour(timestamp) AS hour, count(),
       sum(toDecimal256(value, 12)), max((timestamp, sequence, value)),
       max((sequence, timestamp, value))
     FROM events WHERE _partition_id = '${month}'
     GROUP BY namespace, meter, customer, hour
     SETTINGS async_insert = 0`,
    `ALTER TABLE usage_hourly REPLACE PARTITION ID '${month}' FROM usage_hourly_again`,
    'DROP TABLE usage_hourly_again',
  ];
}

/**
 * Makes the rollup what the events are in each hour of the events in this file (a table function), by a row for each that differs:
 * what it lacks, or has too much of. What it has too much of is events that it counted twice, so its last ones stay what they are.
 * A count that takes away is one modulo 2^64, as the sums over it are. Nothing is inserted where nothing differs.
 */
export function mendHoursSql(file: string, prunedBeforeMs: number): string {
  const hours = `SELECT DISTINCT namespace, meter, customer, toStartOfHour(timestamp) FROM ${file}`;
  const first = `(SELECT toStartOfHour(min(timestamp)) FROM ${file})`;
  const from = `greatest(toDateTime(${prunedBeforeMs / 1000}, 'UTC'), ${first})`;
  const to = `(SELECT toStartOfHour(max(timestamp)) FROM ${file}) + 3600`;
  return `
    INSERT INTO usage_hourly
    SELECT namespace, meter, customer, hour, toUInt64(sum(more)), sum(worth), max(latest), max(received)
    FROM (
      SELECT namespace, meter, customer, toStartOfHour(timestamp) AS hour, toInt64(1) AS more,
        toDecimal256(value, 12) AS worth, (timestamp, sequence, value) AS latest,
        (sequence, timestamp, value) AS received
      FROM events
      WHERE timestamp >= ${from} AND timestamp < ${to}
        AND (namespace, meter, customer, toStartOfHour(timestamp)) IN (${hours})
      UNION ALL
      SELECT namespace, meter, customer, hour, -toInt64(count), -sum, last, last_received
      FROM usage_hourly
      WHERE hour >= ${from} AND hour < ${to} AND (namespace, meter, customer, hour) IN (${hours})
    )
    GROUP BY namespace, meter, customer, hour
    HAVING sum(more) != 0 OR sum(worth) != 0
    SETTINGS async_insert = 0, insert_deduplicate = 0, max_partitions_per_insert_block = 0`;
}

/** Tables that a repair needs for a while; a crash may leave them. */
export const TEMPORARY_TABLES: readonly string[] = [
  'usage_hourly_again',
  'events_once',
  'cancellations_once',
  'rejections_once',
];

/** What makes a row of each table the one that it is. Sequences are looked for only where those of the file can be. */
const MISSING = {
  events: (file: string) => missingSequences('events', file),
  cancellations: () => `${CANCELLATION} NOT IN (SELECT ${CANCELLATION} FROM cancellations)`,
  rejections: (file: string) => missingSequences('rejections', file),
} as const;

const CANCELLATION = '(namespace, meter, customer, timestamp, sequence, cancelled_at, request_id)';

function missingSequences(table: string, file: string): string {
  return `sequence NOT IN (
    SELECT sequence FROM ${table} WHERE sequence >= (SELECT min(sequence) FROM ${file}))`;
}

/** What of a table can be there twice, as a start of an earlier version left it after a power cut. */
const IDENTITY = {
  events: 'sequence',
  cancellations: CANCELLATION,
  rejections: 'sequence',
} as const;

export type CountedTable = keyof typeof IDENTITY;

/**
 * Rows of (partition): those with rows that are there more than once, of sequences after this one. A row whose other one differs is no copy.
 */
export function copiesSql(table: CountedTable, afterSequence: number): string {
  return `
    SELECT DISTINCT _partition_id FROM ${table}
    WHERE sequence > ${afterSequence} AND ${IDENTITY[table]} IN (${copied(table, afterSequence)})
    ORDER BY _partition_id`;
}

function copied(table: CountedTable, afterSequence: number): string {
  const key = IDENTITY[table];
  return `
    SELECT ${key} FROM ${table} WHERE sequence > ${afterSequence}
    GROUP BY ${key} HAVING count() > 1 AND uniqExact(sipHash128(*)) = 1`;
}

/** In order: they leave one of each copy in a partition, in one step at the end. A crash before it changes nothing. */
export function dropCopiesSql(
  table: CountedTable,
  partition: string,
  afterSequence: number,
): { readonly make: readonly string[]; readonly end: string } {
  const key = IDENTITY[table];
  const once = `${table}_once`;
  const insert = (rows: string): string =>
    `INSERT INTO ${once} SELECT * FROM ${table} WHERE _partition_id = '${partition}' AND ${key} ${rows}
     SETTINGS async_insert = 0, insert_deduplicate = 0`;
  return {
    make: [
      `DROP TABLE IF EXISTS ${once}`,
      `CREATE TABLE ${once} AS ${table}`,
      insert(`NOT IN (${copied(table, afterSequence)})`),
      insert(`IN (${copied(table, afterSequence)}) LIMIT 1 BY ${key}`),
      `ALTER TABLE ${table} REPLACE PARTITION ID '${partition}' FROM ${once}`,
    ],
    end: `DROP TABLE ${once}`,
  };
}

/** Inserts those rows of a file that the table has not. `file` is a table function. */
export function insertMissingSql(
  table: keyof typeof MISSING,
  file: string,
  prunedBeforeMs: number,
): string {
  const kept =
    table === 'events' ? `AND toUnixTimestamp(timestamp) >= ${prunedBeforeMs / 1000}` : '';
  return `
    INSERT INTO ${table}
    SELECT * FROM ${file}
    WHERE ${MISSING[table](file)} ${kept}
    SETTINGS async_insert = 0, insert_deduplicate = 0, max_partitions_per_insert_block = 0,
      input_format_json_compact_allow_variable_number_of_columns = 1`;
}

/** One row of text: the columns of a table with their types, in their order. */
export function structureSql(table: string): Statement {
  return {
    sql: `
      SELECT arrayStringConcat(groupArray(concat(name, ' ', type)), ', ') FROM (
        SELECT name, type FROM system.columns
        WHERE database = currentDatabase() AND table = {table:String} ORDER BY position)`,
    params: { table },
  };
}
