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
  `
  -- A CRC-32 with each row (check-sums.ts), and an account of what has left for the usage store. Blocks that have left, up to
  -- moved_block, are kept for a while: what the store should lose can be given to it again.
  ALTER TABLE journal ADD COLUMN id_crc INTEGER;
  ALTER TABLE journal ADD COLUMN hash_key_crc INTEGER;
  ALTER TABLE journal ADD COLUMN moved_block INTEGER NOT NULL DEFAULT 0;
  -- 1 in the file as long as there is more in its log (checkpoint.ts).
  ALTER TABLE journal ADD COLUMN needs_log INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE blocks ADD COLUMN totals TEXT;
  ALTER TABLE blocks ADD COLUMN crc INTEGER;
  ALTER TABLE flush_plan ADD COLUMN crc INTEGER;
  ALTER TABLE receipts ADD COLUMN crc INTEGER;
  ALTER TABLE answer_bodies ADD COLUMN crc INTEGER;

  CREATE TABLE moved (
    last_block INTEGER PRIMARY KEY,
    last_sequence INTEGER NOT NULL,
    totals TEXT NOT NULL,
    crc INTEGER NOT NULL
  ) STRICT;

  -- Which catalog and usage store belong to this journal.
  CREATE TABLE neighbours (
    name TEXT PRIMARY KEY,
    id TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];
