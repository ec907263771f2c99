-- Core events: what happened. One row a fact, whichever of the two APIs tells it.
-- data, snapshot and previous_attributes: JSON as it goes on the wire.
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

CREATE INDEX core_events_in_order ON core_events (namespace, ordinal);
CREATE INDEX core_events_by_object ON core_events (namespace, object_id, ordinal);
CREATE INDEX core_events_by_age ON core_events (created_ms);

-- Where events go. The secrets sign what is sent, so they are kept as they are.
-- enabled_events: a JSON array; metadata: a JSON array of [key, value] pairs.
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

CREATE INDEX destinations_in_order ON destinations (namespace, ordinal) WHERE deleted = 0;

-- One event on its way to one destination. attempts: a JSON array, the latest of them.
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

CREATE INDEX deliveries_due ON deliveries (destination, due_ms, event) WHERE state = 'pending';
CREATE INDEX deliveries_of_event ON deliveries (event);
