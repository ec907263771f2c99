/** The journal's tables, in steps that are only ever appended to; `user_version` counts the steps done. */
export const SCHEMA_STEPS: readonly string[] = [
  `
  CREATE TABLE journal (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    hash_key BLOB NOT NULL,
    flushed_sequence INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    last_sequence INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    events BLOB NOT NULL,
    cancellations BLOB NOT NULL
  ) STRICT;

  -- The blocks that are being inserted into the usage store: none or one plan.
  CREATE TABLE flush_plan (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    first_block INTEGER NOT NULL,
    last_block INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE receipts (
    block_id INTEGER PRIMARY KEY,
    last_received_at_ms INTEGER NOT NULL,
    packed BLOB NOT NULL
  ) STRICT;
  `,
  `
  -- Before this step, events were JSONCompactEachRow. Now: Native.
  ALTER TABLE blocks ADD COLUMN events_format TEXT NOT NULL DEFAULT 'JSONCompactEachRow';
  ALTER TABLE blocks ADD COLUMN rejections BLOB NOT NULL DEFAULT x'';

  CREATE TABLE answer_bodies (
    block_id INTEGER NOT NULL,
    key_hash BLOB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (block_id, key_hash)
  ) STRICT, WITHOUT ROWID;
  `,
];
