/**
 * The tables of the usage store, in steps that are only ever appended to; step n makes version n.
 *
 * Durable settings are on every table that an acknowledged event can live in: a part is synced before an
 * insert returns (`fsync_after_insert`, `fsync_part_directory`), and the tables remember the tokens of their
 * last inserts (`non_replicated_deduplication_window`), which makes a replayed insert a no-op, the view's
 * included (`deduplicate_blocks_in_dependent_materialized_views`, set with each insert), as long as the process lives.
 *
 * A summary reads one customer's rows of the rollup: finer marks (`index_granularity`) keep it from unpacking
 * thousands of others' rows.
 *
 * Sums are kept in Decimal(76, 12): a sum over Decimal(38, 12) wraps silently when it overflows.
 */
const DURABLE = `fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000`;

export const SCHEMA_STEPS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE IF NOT EXISTS events (
      namespace LowCardinality(String),
      meter LowCardinality(String),
      customer String,
      timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      sequence UInt64 CODEC(Delta, ZSTD),
      received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      identifier String CODEC(ZSTD),
      value Decimal(38, 12) CODEC(ZSTD),
      payload Map(LowCardinality(String), String) CODEC(ZSTD),
      INDEX identifier_bloom identifier TYPE bloom_filter(0.01) GRANULARITY 1,
      INDEX received_at_minmax received_at TYPE minmax GRANULARITY 4
    )
    ENGINE = MergeTree
    PARTITION BY toYYYYMM(timestamp)
    ORDER BY (namespace, meter, customer, timestamp, sequence)
    SETTINGS ${DURABLE}`,

    // last: the greatest (timestamp, sequence); last_received: the greatest sequence. The value rides along.
    `CREATE TABLE IF NOT EXISTS usage_hourly (
      namespace LowCardinality(String),
      meter LowCardinality(String),
      customer String,
      hour DateTime('UTC') CODEC(Delta, ZSTD),
      count SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD),
      sum SimpleAggregateFunction(sum, Decimal(76, 12)) CODEC(ZSTD),
      last SimpleAggregateFunction(max, Tuple(
        timestamp DateTime64(3, 'UTC'), sequence UInt64, value Decimal(38, 12))) CODEC(ZSTD),
      last_received SimpleAggregateFunction(max, Tuple(
        sequence UInt64, timestamp DateTime64(3, 'UTC'), value Decimal(38, 12))) CODEC(ZSTD)
    )
    ENGINE = AggregatingMergeTree
    PARTITION BY toYYYYMM(hour)
    ORDER BY (namespace, meter, customer, hour)
    SETTINGS index_granularity = 1024, ${DURABLE}`,

    `CREATE MATERIALIZED VIEW IF NOT EXISTS usage_hourly_of_events TO usage_hourly AS
    SELECT
      namespace,
      meter,
      customer,
      toStartOfHour(timestamp) AS hour,
      count() AS count,
      sum(toDecimal256(value, 12)) AS sum,
      max((timestamp, sequence, value)) AS last,
      max((sequence, timestamp, value)) AS last_received
    FROM events
    GROUP BY namespace, meter, customer, hour`,

    `CREATE TABLE IF NOT EXISTS cancellations (
      namespace LowCardinality(String),
      meter LowCardinality(String),
      customer String,
      timestamp DateTime64(3, 'UTC'),
      sequence UInt64,
      identifier String,
      cancelled_at DateTime64(3, 'UTC'),
      request_id String
    )
    ENGINE = MergeTree
    ORDER BY (namespace, meter, customer, timestamp, sequence)
    SETTINGS ${DURABLE}`,
  ],

  [
    `CREATE TABLE IF NOT EXISTS rejections (
      namespace LowCardinality(String),
      sequence UInt64 CODEC(Delta, ZSTD),
      received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      event_name String CODEC(ZSTD),
      identifier String CODEC(ZSTD),
      meter LowCardinality(String),
      sent String CODEC(ZSTD),
      code LowCardinality(String),
      message String CODEC(ZSTD),
      request_id String CODEC(ZSTD),
      INDEX sequence_minmax sequence TYPE minmax GRANULARITY 1
    )
    ENGINE = MergeTree
    PARTITION BY toYYYYMM(received_at)
    ORDER BY (namespace, sequence)
    SETTINGS ${DURABLE}`,

    // Merge more parts at a time, and so each row less often. Summaries hardly look into this table, so that there are
    // some more parts of it does not slow them; the rollup keeps the default.
    `ALTER TABLE events MODIFY SETTING merge_selector_base = 32`,
  ],

  [
    // Sequences grow with every insert: what is after a sequence, and the last one, lie in few granules.
    `ALTER TABLE events ADD INDEX IF NOT EXISTS sequence_minmax sequence TYPE minmax GRANULARITY 1`,
    `ALTER TABLE events MATERIALIZE INDEX sequence_minmax`,
  ],

  [
    // Events before the greatest `before` are pruned. The last sequence is kept, since the event that had it may be gone.
    `CREATE TABLE IF NOT EXISTS prunes (
      before DateTime64(3, 'UTC'),
      last_sequence UInt64,
      pruned_at DateTime64(3, 'UTC')
    )
    ENGINE = MergeTree
    ORDER BY before
    SETTINGS ${DURABLE}`,

    // Of pruned months, what each hour with a cancellation counts without its cancelled events. Read with FINAL.
    `CREATE TABLE IF NOT EXISTS settled_hours (
      namespace LowCardinality(String),
      meter LowCardinality(String),
      customer String,
      hour DateTime('UTC') CODEC(Delta, ZSTD),
      count UInt64 CODEC(ZSTD),
      sum Decimal(76, 12) CODEC(ZSTD),
      last Tuple(timestamp DateTime64(3, 'UTC'), sequence UInt64, value Decimal(38, 12)) CODEC(ZSTD),
      last_received Tuple(sequence UInt64, timestamp DateTime64(3, 'UTC'), value Decimal(38, 12)) CODEC(ZSTD),
      cancelled UInt64 CODEC(ZSTD)
    )
    ENGINE = ReplacingMergeTree(cancelled)
    PARTITION BY toYYYYMM(hour)
    ORDER BY (namespace, meter, customer, hour)
    SETTINGS ${DURABLE}`,
  ],

  [
    // The sequence of the event that a duplicate of other content has its identifier from; 0 for all others.
    `ALTER TABLE rejections ADD COLUMN IF NOT EXISTS duplicate_of UInt64 DEFAULT 0 CODEC(ZSTD)`,
  ],
  // This engine removes what it has merged within seconds: without a sync, a power cut would take the merged part too, which is
  // in memory alone for half a minute.
  [
    'schema_steps',
    'events',
    'usage_hourly',
    'cancellations',
    'rejections',
    'prunes',
    'settled_hours',
  ].map((table) => `ALTER TABLE ${table} MODIFY SETTING min_rows_to_fsync_after_merge = 1`),
];
