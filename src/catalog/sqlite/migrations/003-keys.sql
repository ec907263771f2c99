-- scopes: a JSON array of what a restricted key may do; NULL: everything.
ALTER TABLE keys ADD COLUMN scopes TEXT;
ALTER TABLE keys ADD COLUMN name TEXT;
ALTER TABLE keys ADD COLUMN expires_at_ms INTEGER;
ALTER TABLE keys ADD COLUMN last_used_ms INTEGER;

-- A session ends with the key that opened it. Of those before, nobody knows which that was: they have expired.
ALTER TABLE sessions ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
UPDATE sessions SET expires_at_ms = created_ms WHERE expires_at_ms > created_ms;
