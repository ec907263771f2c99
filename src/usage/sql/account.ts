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

/** Which hours of the rollup are made again. */
export type RemadeHours = {
  /** As `202601`. */
  readonly month: string;
  /** Only those of the events in this file (a table function); undefined: all. */
  readonly ofFile?: string;
};

/** In order: they make hours of the rollup again from their events, in one step at the end. A crash before it changes nothing. */
export function remakeHoursSql({ month, ofFile }: RemadeHours): readonly string[] {
  const settings = 'SETTINGS async_insert = 0';
  const kept =
    ofFile === undefined
      ? []
      : [
          `INSERT INTO usage_hourly_again SELECT * FROM usage_hourly
           WHERE _partition_id = '${month}' AND ${HOUR} NOT IN (${hoursOf(ofFile)}) ${settings}`,
        ];
  const remade = ofFile === undefined ? '' : `AND ${HOUR_OF_EVENT} IN (${hoursOf(ofFile)})`;
  return [
    'DROP TABLE IF EXISTS usage_hourly_again',
    'CREATE TABLE usage_hourly_again AS usage_hourly',
    ...kept,
    `INSERT INTO usage_hourly_again
     SELECT namespace, meter, customer, toStartOfHour(timestamp) AS hour, count(),
       sum(toDecimal256(value, 12)), max((timestamp, sequence, value)),
       max((sequence, timestamp, value))
     FROM events WHERE _partition_id = '${month}' ${remade}
     GROUP BY namespace, meter, customer, hour ${settings}`,
    `ALTER TABLE usage_hourly REPLACE PARTITION ID '${month}' FROM usage_hourly_again`,
    'DROP TABLE usage_hourly_again',
  ];
}

const HOUR = '(namespace, meter, customer, hour)';
const HOUR_OF_EVENT = '(namespace, meter, customer, toStartOfHour(timestamp))';

function hoursOf(file: string): string {
  return `SELECT DISTINCT namespace, meter, customer, toStartOfHour(timestamp) FROM ${file}`;
}

/** Rows of (month as `202601`): those in which the rollup differs from the events in an hour of the events in this file. */
export function differingHoursSql(file: string, prunedBeforeMs: number): string {
  const from = `greatest(toDateTime(${prunedBeforeMs / 1000}, 'UTC'), (SELECT toStartOfHour(min(timestamp)) FROM ${file}))`;
  const to = `(SELECT toStartOfHour(max(timestamp)) FROM ${file}) + 3600`;
  return `
    SELECT DISTINCT toString(toYYYYMM(hour)) AS month FROM (
      SELECT namespace, meter, customer, toStartOfHour(timestamp) AS hour, toInt64(count()) AS events,
        sum(toDecimal256(value, 12)) AS total
      FROM events
      WHERE timestamp >= ${from} AND timestamp < ${to} AND ${HOUR_OF_EVENT} IN (${hoursOf(file)})
      GROUP BY namespace, meter, customer, hour
      UNION ALL
      SELECT namespace, meter, customer, hour, -toInt64(sum(count)), -sum(sum)
      FROM usage_hourly
      WHERE hour >= ${from} AND hour < ${to} AND ${HOUR} IN (${hoursOf(file)})
      GROUP BY namespace, meter, customer, hour
    )
    GROUP BY namespace, meter, customer, hour
    HAVING sum(events) != 0 OR sum(total) != 0
    ORDER BY month`;
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
