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

CREATE INDEX alerts_by_age ON alerts (namespace, ordinal) WHERE status <> 'archived';

CREATE INDEX alerts_by_meter ON alerts (namespace, meter, ordinal) WHERE status <> 'archived';

-- An alert fires once for each customer and period.
CREATE TABLE alert_triggers (
  alert TEXT NOT NULL,
  customer TEXT NOT NULL,
  period_start_ms INTEGER NOT NULL,
  value TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (alert, customer, period_start_ms)
) STRICT, WITHOUT ROWID;

-- One row: up to which event all were looked at.
CREATE TABLE alert_progress (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  seen_sequence INTEGER NOT NULL
) STRICT;

INSERT INTO alert_progress VALUES (1, 0);
