/**
 * Accounts and keys as rows, and the keys that are not revoked in memory. Unlike the rest of the
 * catalog these change under a running server: `taximeter keys create` opens the same file from a
 * process of its own. SQLite's data version tells cheaply whether some other connection has
 * committed since; then the keys are read again, whole.
 */
import type { Database } from 'better-sqlite3';
import type { Clock } from '../../clock.ts';
import { newAccountId } from '../../ids.ts';
import { type Mode, type Namespace, toNamespace } from '../../namespace.ts';
import { type Key, type Keys, KEYS_STALE_MS } from '../catalog.ts';
import type { Writer } from './writer.ts';

type Usable = { readonly secretSha256: string; readonly account: string; readonly mode: Mode };

/** Makes the default account when the catalog is new. */
export function sqliteKeys(db: Database, writer: Writer, clock: Clock): Keys {
  const sql = prepareStatements(db);
  const defaultAccount = findOrCreateAccount(db, clock);
  // The version before the keys: a commit that falls between is seen again later, not missed.
  let readVersion = sql.dataVersion.get();
  let namespaces = readNamespaces();
  let checkedMs = clock.nowMs();

  const create = writer.transaction((key: Key, secretSha256: string) => {
    sql.insertAccount.run(key.account, clock.nowMs());
    sql.insert.run({ ...key, secretSha256 });
  });

  const revoke = writer.transaction(
    (id: string, nowMs: number) => sql.revoke.run(nowMs, id).changes === 1,
  );

  function readNamespaces(): ReadonlyMap<string, Namespace> {
    const rows = sql.usable.all();
    return new Map(rows.map((row) => [row.secretSha256, toNamespace(row.account, row.mode)]));
  }

  function followOthers(): void {
    const version = sql.dataVersion.get();
    if (version !== readVersion) namespaces = readNamespaces();
    readVersion = version;
    checkedMs = clock.nowMs();
  }

  return {
    defaultAccount: () => defaultAccount,
    async create(key, secretSha256) {
      create(key, secretSha256);
      namespaces = readNamespaces();
    },
    async list() {
      return sql.list.all();
    },
    async revoke(id, nowMs) {
      const known = revoke(id, nowMs);
      namespaces = readNamespaces();
      return known;
    },
    find(secretSha256) {
      // Either way: a clock that was set back must not hide a revocation until it has caught up.
      if (Math.abs(clock.nowMs() - checkedMs) >= KEYS_STALE_MS) followOthers();
      if (!namespaces.has(secretSha256)) followOthers();
      return namespaces.get(secretSha256);
    },
  };
}

/** The oldest account; two processes that meet a new file agree on one. */
function findOrCreateAccount(db: Database, clock: Clock): string {
  const find = db.prepare<[], { id: string }>('SELECT id FROM accounts ORDER BY ordinal LIMIT 1');
  const insert = db.prepare<[string, number]>(
    'INSERT INTO accounts (id, created_ms) VALUES (?, ?)',
  );
  const create = db.transaction(() => {
    const known = find.get();
    if (known !== undefined) return known.id;
    const id = newAccountId();
    insert.run(id, clock.nowMs());
    return id;
  });
  return find.get()?.id ?? create.immediate();
}

function prepareStatements(db: Database) {
  return {
    dataVersion: db.prepare<[], number>('PRAGMA data_version').pluck(),
    insertAccount: db.prepare<[string, number]>(`
      INSERT INTO accounts (id, created_ms) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`),
    insert: db.prepare<[Key & { secretSha256: string }]>(`
      INSERT INTO keys (id, account, mode, secret_sha256, hint, created_ms, revoked_at_ms)
      VALUES (@id, @account, @mode, @secretSha256, @hint, @createdMs, @revokedAtMs)`),
    revoke: db.prepare<[number, string]>(`
      UPDATE keys SET revoked_at_ms = coalesce(revoked_at_ms, ?) WHERE id = ?`),
    list: db.prepare<[], Key>(`
      SELECT id, account, mode, hint, created_ms AS createdMs, revoked_at_ms AS revokedAtMs
      FROM keys ORDER BY ordinal DESC`),
    usable: db.prepare<[], Usable>(`
      SELECT secret_sha256 AS secretSha256, account, mode FROM keys WHERE revoked_at_ms IS NULL`),
  };
}
