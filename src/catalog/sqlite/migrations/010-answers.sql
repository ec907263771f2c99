-- The key that was answered; empty: one of an earlier version.
ALTER TABLE answers ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
