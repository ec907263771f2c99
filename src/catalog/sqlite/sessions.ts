/**
 * Sessions as rows, and all of them in memory: every request of a stream asks for one. No other process makes
 * sessions. Memory is changed after the commit, so that it never runs ahead of the disk.
 */
import { ApiError } from '../../errors.ts';
import type { Namespace } from '../../namespace.ts';
import { SESSION_KEPT_MS, SESSIONS_MAX, type Session, type Sessions } from '../catalog.ts';
import type { Sql, Writer } from './writer.ts';

/** How many one creation drops at most: more than it adds, and little enough to wait for. */
const DROPPED_MAX = 100;

type Row = Session & { readonly tokenSha256: string };

export function sqliteSessions(db: Sql, writer: Writer, sessionsMax = SESSIONS_MAX): Sessions {
  const sql = prepareStatements(db);
  // Both in the order of creation.
  const known = new Map<string, Session>();
  const tokensOf = new Map<Namespace, Set<string>>();
  for (const { tokenSha256, ...session } of sql.all.all()) put(session, tokenSha256);

  const replace = writer.transaction((dropped: readonly string[], row: Row) => {
    for (const token of dropped) sql.delete.run(token);
    sql.insert.run(row);
  });

  function put(session: Session, tokenSha256: string): void {
    known.set(tokenSha256, session);
    const tokens = tokensOf.get(session.namespace);
    if (tokens === undefined) tokensOf.set(session.namespace, new Set([tokenSha256]));
    else tokens.add(tokenSha256);
  }

  function drop(tokenSha256: string): void {
    const session = known.get(tokenSha256);
    if (session === undefined) return;
    known.delete(tokenSha256);
    const tokens = tokensOf.get(session.namespace);
    tokens?.delete(tokenSha256);
    if (tokens?.size === 0) tokensOf.delete(session.namespace);
  }

  /** The oldest, as long as they expired before that. */
  function expiredBefore(timeMs: number): string[] {
    const expired: string[] = [];
    for (const [tokenSha256, { expiresAtMs }] of known) {
      if (expiresAtMs >= timeMs || expired.length === DROPPED_MAX) break;
      expired.push(tokenSha256);
    }
    return expired;
  }

  /** What has to go so that the namespace may have one more. */
  function inExcess({ namespace, createdMs }: Session): string[] {
    const tokens = tokensOf.get(namespace);
    if (tokens === undefined || tokens.size < sessionsMax) return [];
    const [oldest = ''] = tokens;
    const freeAtMs = known.get(oldest)?.expiresAtMs ?? 0;
    if (freeAtMs <= createdMs) return [oldest];
    throw new ApiError(
      'rate_limit',
      `There are ${sessionsMax} open sessions. Use one until it expires.`,
      undefined,
      Math.ceil((freeAtMs - createdMs) / 1000),
    );
  }

  return {
    async create(session, tokenSha256) {
      const old = expiredBefore(session.createdMs - SESSION_KEPT_MS);
      const dropped = [...old, ...inExcess(session)];
      replace(dropped, { ...session, tokenSha256 });
      for (const token of dropped) drop(token);
      put(session, tokenSha256);
    },
    find: (tokenSha256) => known.get(tokenSha256),
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
