/**
 * Accounts and keys as rows, and the keys that are not revoked in memory. Unlike the rest of the
 * catalog these change under a running server: `taximeter keys create` opens the same file from a
 * process of its own. SQLite's data version tells cheaply whether some other connection has
 * committed since; then the keys are read again, whole.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';
import { newAccountId } from '../../lib/ids.ts';
import { KEYS_MAX, type Key, type Scope } from '../../domain/key.ts';
import { accountOf, type Mode, modeOf, toNamespace } from '../../domain/namespace.ts';
import { type Keys, KEYS_STALE_MS } from '../catalog.ts';
import { KeyRing } from '../key-ring.ts';
import { StartupError } from '../../lib/startup-error.ts';
import type { Sql, Writer } from './writer.ts';

/** Uses that one transaction brings to disk: some ms, then others have their turn. */
const USES_STEP_MAX = 500;

type Row = Omit<Key, 'namespace' | 'scopes'> & {
  readonly account: string;
  readonly mode: Mode;
  readonly scopes: string | null;
};
type HashedRow = Row & { readonly secretSha256: string };

/** Makes the default account when the catalog is new. */
export function sqliteKeys(db: Sql, writer: Writer, clock: Clock): Keys {
  const sql = prepareStatements(db);
  const defaultAccount = findOrCreateAccount(db, writer, clock);
  // The version before the keys: a commit that falls between is seen again later, not missed.
  let readVersion = sql.dataVersion.get();
  let usable = readUsable();
  let checkedMs = clock.nowMs();
  const uses = usesOf(db, writer, sql);

  const create = writer.transaction((row: HashedRow) => {
    if ((sql.count.get()?.count ?? 0) >= KEYS_MAX) throw tooMany();
    sql.insertAccount.run(row.account, clock.nowMs());
    sql.insert.run(row);
  });
  const revoke = writer.transaction(
    (id: string, nowMs: number) => sql.revoke.run(nowMs, id).changes === 1,
  );

  function readUsable(): KeyRing {
    const rows = sql.usable.all();
    return new KeyRing(rows.map(({ secretSha256, ...row }) => ({ key: toKey(row), secretSha256 })));
  }

  function followOthers(): void {
    const version = sql.dataVersion.get();
    if (version !== readVersion) usable = readUsable();
    readVersion = version;
    checkedMs = clock.nowMs();
  }

  /** Looks in memory, which is fresh enough; what is not there may be new. */
  function ask(look: (ring: KeyRing) => Key | undefined): Key | undefined {
    // Either way: a clock that was set back must not hide a revocation until it has caught up.
    if (Math.abs(clock.nowMs() - checkedMs) >= KEYS_STALE_MS) followOthers();
    const found = look(usable);
    if (found !== undefined) return found;
    followOthers();
    return look(usable);
  }

  return {
    defaultAccount: () => defaultAccount,
    accountCreatedMs: (account) => sql.accountCreatedMs.get(account),
    async create(key, secretSha256) {
      create(toRow(key, secretSha256));
      usable = readUsable();
    },
    async list() {
      return sql.list.all().map(toKey);
    },
    async revoke(id, nowMs) {
      const known = revoke(id, nowMs);
      usable = readUsable();
      return known;
    },
    find: (secretSha256) => ask((ring) => ring.find(secretSha256)),
    findById: (id) => ask((ring) => ring.findById(id)),
    isRevoked: (secretSha256) => sql.revoked.get(secretSha256) !== undefined,
    noteUse: uses.note,
    saveUse: uses.save,
  };
}

/** When keys were used last, as far as the file does not say so yet. */
function usesOf(
  db: Sql,
  writer: Writer,
  sql: Statements,
): {
  readonly note: Keys['noteUse'];
  readonly save: Keys['saveUse'];
} {
  let used = new Map<string, number>();
  const saveSome = writer.transaction((uses: readonly (readonly [string, number])[]) => {
    for (const [id, usedMs] of uses) sql.use.run(usedMs, id);
  });
  return {
    note: (id, nowMs) => void used.set(id, nowMs),
    async save() {
      const uses = [...used];
      used = new Map();
      try {
        for (; db.open && uses.length > 0; await setImmediate()) {
          saveSome(uses.slice(0, USES_STEP_MAX));
          uses.splice(0, USES_STEP_MAX);
        }
      } finally {
        // What could not be saved is noted still, unless there was a later use.
        for (const [id, usedMs] of uses) if (!used.has(id)) used.set(id, usedMs);
      }
    },
  };
}

function tooMany(): StartupError {
  return new StartupError(
    `There are ${KEYS_MAX.toLocaleString('en')} keys that are not revoked, the most that there may be. Revoke some first.`,
  );
}

function toKey({ account, mode, scopes, ...row }: Row): Key {
  return {
    ...row,
    namespace: toNamespace(account, mode),
    scopes: scopes === null ? 'all' : (JSON.parse(scopes) as Scope[]),
  };
}

function toRow({ namespace, scopes, ...key }: Key, secretSha256: string): HashedRow {
  return {
    ...key,
    account: accountOf(namespace),
    mode: modeOf(namespace),
    scopes: scopes === 'all' ? null : JSON.stringify(scopes),
    secretSha256,
  };
}

/** The oldest account; two processes that meet a new file agree on one. */
function findOrCreateAccount(db: Sql, writer: Writer, clock: Clock): string {
  const find = db.prepare<[], { id: string }>('SELECT id FROM accounts ORDER BY ordinal LIMIT 1');
  const insert = db.prepare<[string, number]>(
    'INSERT INTO accounts (id, created_ms) VALUES (?, ?)',
  );
  const create = writer.transaction(() => {
    const known = find.get();
    if (known !== undefined) return known.id;
    const id = newAccountId();
    insert.run(id, clock.nowMs());
    return id;
  });
  return find.get()?.id ?? create();
}

const COLUMNS = `id, account, mode, scopes, name, hint,
  created_ms AS createdMs, expires_at_ms AS expiresAtMs, last_used_ms AS lastUsedMs,
  revoked_at_ms AS revokedAtMs`;

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: Sql) {
  return {
    dataVersion: db.prepare<[], number>('PRAGMA data_version').pluck(),
    accountCreatedMs: db
      .prepare<[string], number>('SELECT created_ms FROM accounts WHERE id = ?')
      .pluck(),
    insertAccount: db.prepare<[string, number]>(`
      INSERT INTO accounts (id, created_ms) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`),
    insert: db.prepare<[HashedRow]>(`
      INSERT INTO keys (id, account, mode, secret_sha256, scopes, name, hint, created_ms,
        expires_at_ms, last_used_ms, revoked_at_ms)
      VALUES (@id, @account, @mode, @secretSha256, @scopes, @name, @hint, @createdMs,
        @expiresAtMs, @lastUsedMs, @revokedAtMs)`),
    count: db.prepare<[], { count: number }>(
      'SELECT count(*) AS count FROM keys WHERE revoked_at_ms IS NULL',
    ),
    revoke: db.prepare<[number, string]>(`
      UPDATE keys SET revoked_at_ms = coalesce(revoked_at_ms, ?) WHERE id = ?`),
    revoked: db.prepare<[string], string>(`
      SELECT id FROM keys WHERE secret_sha256 = ? AND revoked_at_ms IS NOT NULL`),
    use: db.prepare<[number, string]>(`UPDATE keys SET last_used_ms = ? WHERE id = ?`),
    list: db.prepare<[], Row>(`SELECT ${COLUMNS} FROM keys ORDER BY ordinal DESC`),
    usable: db.prepare<[], HashedRow>(`
      SELECT ${COLUMNS}, secret_sha256 AS secretSha256 FROM keys WHERE revoked_at_ms IS NULL`),
  };
}
