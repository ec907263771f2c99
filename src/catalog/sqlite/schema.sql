-- Made by dump-schema.ts: version 11.

CREATE TABLE accounts (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE alert_progress (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  seen_sequence INTEGER NOT NULL
) STRICT;

CREATE TABLE alert_triggers (
  alert TEXT NOT NULL,
  customer TEXT NOT NULL,
  period_start_ms INTEGER NOT NULL,
  value TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (alert, customer, period_start_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  title TEXT NOT NULL,
  meter TEXT NOT NULL,
  customer TEXT,
  gte TEXT NOT NULL,
  recurrence TEXT NOT NULL CHECK (recurrence IN ('one_time', 'monthly', 'daily')),
  status TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'archived')),
  created_s INTEGER NOT NULL,
  since_sequence INTEGER NOT NULL,
  UNIQUE (namespace, id)
) STRICT;

CREATE TABLE answers (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  request_id TEXT NOT NULL,
  created_ms INTEGER NOT NULL, key_id TEXT NOT NULL DEFAULT '',
  UNIQUE (namespace, idempotency_key)
) STRICT;

CREATE TABLE core_events (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  thin_type TEXT,
  data TEXT,
  snapshot_type TEXT,
  snapshot TEXT,
  previous_attributes TEXT,
  object_id TEXT,
  object_type TEXT,
  object_url TEXT,
  request_id TEXT,
  idempotency_key TEXT,
  UNIQUE (namespace, id)
) STRICT;

CREATE TABLE customer_terms (
  namespace TEXT NOT NULL,
  field TEXT NOT NULL,
  term TEXT NOT NULL,
  customer INTEGER NOT NULL,
  PRIMARY KEY (namespace, field, term, customer)
) STRICT, WITHOUT ROWID;

CREATE TABLE customers (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  created_s INTEGER NOT NULL,
  name TEXT,
  email TEXT,
  description TEXT,
  phone TEXT,
  metadata TEXT NOT NULL,
  deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)), test_clock TEXT, billing TEXT,
  UNIQUE (namespace, id)
) STRICT;

CREATE TABLE deliveries (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  destination INTEGER NOT NULL REFERENCES destinations (ordinal) ON DELETE CASCADE,
  event INTEGER NOT NULL REFERENCES core_events (ordinal) ON DELETE CASCADE,
  state TEXT NOT NULL CHECK (state IN ('pending', 'succeeded', 'failed')),
  tries INTEGER NOT NULL,
  due_ms INTEGER,
  attempts TEXT NOT NULL,
  UNIQUE (destination, event)
) STRICT;

CREATE TABLE destinations (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  payload TEXT NOT NULL CHECK (payload IN ('thin', 'snapshot')),
  enabled_events TEXT NOT NULL,
  url TEXT NOT NULL,
  api_version TEXT,
  metadata TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('enabled', 'disabled')),
  disabled_reason TEXT,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  secret TEXT NOT NULL,
  previous_secret TEXT,
  previous_secret_expires_ms INTEGER,
  failing_since_ms INTEGER,
  deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
  UNIQUE (namespace, id)
) STRICT;

CREATE TABLE error_report_progress (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  seen_sequence INTEGER
) STRICT;

CREATE TABLE keys (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL REFERENCES accounts (id),
  mode TEXT NOT NULL CHECK (mode IN ('live', 'test')),
  secret_sha256 TEXT NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER
, scopes TEXT, name TEXT, expires_at_ms INTEGER, last_used_ms INTEGER) STRICT;

CREATE TABLE meters (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  display_name TEXT NOT NULL,
  event_name TEXT NOT NULL,
  formula TEXT NOT NULL,
  event_time_window TEXT,
  customer_key TEXT NOT NULL,
  value_key TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'inactive')),
  created_s INTEGER NOT NULL,
  updated_s INTEGER NOT NULL,
  deactivated_at_s INTEGER,
  UNIQUE (namespace, id)
) STRICT;

CREATE TABLE sessions (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  namespace TEXT NOT NULL,
  token_sha256 TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
, key_id TEXT NOT NULL DEFAULT '') STRICT;

CREATE TABLE unsynced_commits (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  commits INTEGER NOT NULL
) STRICT;

CREATE INDEX alerts_by_age ON alerts (namespace, ordinal) WHERE status <> 'archived';

CREATE INDEX alerts_by_meter ON alerts (namespace, meter, ordinal) WHERE status <> 'archived';

CREATE INDEX answers_by_age ON answers (created_ms);

CREATE INDEX core_events_by_age ON core_events (created_ms);

CREATE INDEX core_events_by_object ON core_events (namespace, object_id, ordinal);

CREATE INDEX core_events_in_order ON core_events (namespace, ordinal);

CREATE INDEX customers_by_age ON customers (namespace, ordinal) WHERE deleted = 0;

CREATE INDEX customers_by_clock ON customers (namespace, test_clock, ordinal) WHERE deleted = 0;

CREATE INDEX customers_by_email ON customers (namespace, email, ordinal) WHERE deleted = 0;

CREATE INDEX deliveries_by_state ON deliveries (destination, state, event);

CREATE INDEX deliveries_due ON deliveries (destination, due_ms, event) WHERE state = 'pending';

CREATE INDEX deliveries_of_event ON deliveries (event);

CREATE INDEX destinations_in_order ON destinations (namespace, ordinal) WHERE deleted = 0;

CREATE UNIQUE INDEX meters_active_event_name ON meters (namespace, event_name)
WHERE status = 'active';

CREATE INDEX meters_by_age ON meters (namespace, ordinal);

CREATE INDEX meters_by_event_name ON meters (namespace, event_name);

CREATE INDEX meters_by_status ON meters (namespace, status, ordinal);
