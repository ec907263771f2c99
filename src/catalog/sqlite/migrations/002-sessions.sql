-- A session's token opens the meter event stream until it expires, and is kept for a while after that.
CREATE TABLE sessions (
  ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  namespace TEXT NOT NULL,
  token_sha256 TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT;
