/**
 * Sessions as rows, and all of them in memory: every request of a stream asks for one. No other process makes
 * sessions. Memory is changed after the commit, so that it never runs ahead of the disk.
 */
import {
  SESSION_KEPT_MS,
  SESSIONS_MAX,
  SESSIONS_OF_KEY_MAX,
  type Session,
  type Sessions,
} from '../catalog.ts';
import { KnownSessions } from './known-sessions.ts';
import type { Sql, Writer } from './writer.ts';

type Row = Session & { readonly tokenSha256: string };

export function sqliteSessions(
  db: Sql,
  writer: Writer,
  limits = { all: SESSIONS_MAX, ofKey: SESSIONS_OF_KEY_MAX },
): Sessions {
  const sql = prepareStatements(db);
  const known = new KnownSessions(limits);
  for (const { tokenSha256, ...session } of sql.all.all()) known.put(session, tokenSha256);

  const replace = writer.transaction((dropped: readonly string[], row: Row) => {
    for (const token of dropped) sql.delete.run(token);
    sql.insert.run(row);
  });

  return {
    async create(session, tokenSha256, isUsable = () => true) {
      const old = known.expiredBefore(session.createdMs - SESSION_KEPT_MS);
      const dropped = [...old, ...known.inExcess(session, isUsable)];
      replace(dropped, { ...session, tokenSha256 });
      for (const token of dropped) known.drop(token);
      known.put(session, tokenSha256);
    },
    find: (tokenSha256) => known.find(tokenSha256),
  };
}

function prepareStatements(db: Sql) {
  return {
    insert: db.prepare<[Row]>(`
      INSERT INTO sessions (id, namespace, key_id, token_sha256, created_ms, expires_at_ms)
      VALUES (@id, @namespace, @keyId, @tokenSha256, @createdMs, @expiresAtMs)`),
    delete: db.prepare<[string]>('DELETE FROM sessions WHERE token_sha256 = ?'),
    all: db.prepare<[], Row>(`
      SELECT id, namespace, key_id AS keyId, token_sha256 AS tokenSha256,
        created_ms AS createdMs, expires_at_ms AS expiresAtMs
      FROM sessions ORDER BY ordinal`),
  };
}
