import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { ApiError } from '../../domain/errors.ts';
import { parseSearchQuery } from '../../domain/customers/search-query.ts';
import { StartupError } from '../../lib/startup-error.ts';
import { type Catalog, KEYS_STALE_MS } from '../catalog.ts';
import { catalogContract } from '../contract.ts';
import {
  aCustomer,
  aKey,
  aMeter,
  anAnswer,
  aSession,
  ManualClock,
  NAMESPACE,
  sha256,
} from '../contract/fixtures.ts';
import { aDestination, anEvent, settled, START_MS } from '../contract/core-event-fixtures.ts';
import type { CatalogUnderTest } from '../contract/subject.ts';
import { ANSWERS_STEP_MAX } from './answers.ts';
import { sqliteCoreEvents } from './core-events.ts';
import { openDatabase } from './database.ts';
import { sqliteDeliveries } from './deliveries.ts';
import { sqliteDestinations } from './destinations.ts';
import { dumpSchema } from './dump-schema.ts';
import { sqliteOutbox } from './outbox.ts';
import { Slices } from './slices.ts';
import { Writer } from './writer.ts';
import { openSqliteCatalog } from './sqlite-catalog.ts';

const MIGRATIONS = new URL('migrations/', import.meta.url);

catalogContract('SQLite', async (): Promise<CatalogUnderTest> => {
  const folder = mkdtempSync(path.join(tmpdir(), 'taximeter-catalog-'));
  const file = path.join(folder, 'catalog.db');
  const clock = new ManualClock();
  let catalog = openSqliteCatalog(file, { clock });
  const beside: Catalog[] = [];
  const open = (other: string): Catalog => {
    const opened = openSqliteCatalog(other, { clock });
    beside.push(opened);
    return opened;
  };
  const copyFile = path.join(folder, 'copy.db');
  return {
    catalog,
    clock,
    async reopen() {
      catalog.close();
      catalog = openSqliteCatalog(file, { clock });
      return catalog;
    },
    openBeside: async () => open(file),
    copyFile,
    openCopy: async () => open(copyFile),
    async storedBytes() {
      return Buffer.concat(
        readdirSync(folder).map((name) => readFileSync(path.join(folder, name))),
      );
    },
    async dispose() {
      for (const each of [catalog, ...beside]) each.close();
      rmSync(folder, { recursive: true });
    },
  };
});

suite('SQLite: the file', () => {
  test('a commit is synced, in a log beside the file; references are checked', (t) => {
    const db = openDatabase(newFile(t));
    assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
    assert.equal(db.pragma('synchronous', { simple: true }), 2, '2 is FULL');
    assert.equal(db.pragma('fullfsync', { simple: true }), 1);
    assert.equal(db.pragma('foreign_keys', { simple: true }), 1);
    assert.ok(Number(db.pragma('busy_timeout', { simple: true })) >= 1000);
    db.close();
  });

  test(
    'only its owner can read what is made',
    { skip: process.platform === 'win32' },
    async (t) => {
      const file = newFile(t);
      const umask = process.umask(0);
      const catalog = openSqliteCatalog(file);
      process.umask(umask);
      await catalog.meters.create(aMeter('mtr_1'));
      for (const name of [file, `${file}-wal`, `${file}-shm`]) {
        assert.equal(statSync(name).mode & 0o777, 0o600, name);
      }
      catalog.close();

      chmodSync(file, 0o640);
      openSqliteCatalog(file).close();
      assert.equal(statSync(file).mode & 0o777, 0o640, 'what the operator has set stays');
    },
  );

  test('a newer file is refused in one line that says so, and stays as it was', async (t) => {
    const file = newFile(t);
    const catalog = openSqliteCatalog(file);
    await catalog.meters.create(aMeter('mtr_1'));
    catalog.close();
    const db = new Database(file);
    db.pragma('journal_mode = DELETE');
    db.pragma('user_version = 7001');
    db.close();
    const before = readFileSync(file);
    assert.throws(
      () => openSqliteCatalog(file),
      (error) => {
        assert.ok(error instanceof StartupError);
        assert.match(error.message, /^[^\n]+$/);
        for (const part of [file, 'newer', '7001', 'up to 11']) {
          assert.ok(error.message.includes(part), `${part} in: ${error.message}`);
        }
        return true;
      },
    );
    assert.deepEqual(readFileSync(file), before);
  });

  test('the migrations add up to schema.sql', () => {
    const committed = readFileSync(new URL('schema.sql', import.meta.url), 'utf8');
    assert.equal(dumpSchema(), committed, 'run dump-schema.ts after a new migration');
  });

  test('a catalog of the first version is brought up to date, with all that it holds', async (t) => {
    const file = newFile(t);
    const db = new Database(file);
    db.exec(readFileSync(new URL('migrations/001-catalog.sql', import.meta.url), 'utf8'));
    db.pragma('user_version = 1');
    db.exec(`INSERT INTO accounts (id, created_ms) VALUES ('acct_first', 1)`);
    db.close();
    const catalog = openSqliteCatalog(file);
    t.after(() => catalog.close());
    assert.equal(catalog.keys.defaultAccount(), 'acct_first');
    await catalog.sessions.create(aSession('bmes_1'), sha256('token'));
    assert.deepEqual(catalog.sessions.find(sha256('token')), aSession('bmes_1'));
  });

  test('keys and sessions of the second version: a key may still do all, a session has expired', (t) => {
    const file = newFile(t);
    const db = new Database(file);
    for (const name of ['001-catalog', '002-sessions']) {
      db.exec(readFileSync(new URL(`migrations/${name}.sql`, import.meta.url), 'utf8'));
    }
    db.pragma('user_version = 2');
    db.exec(`
      INSERT INTO accounts (id, created_ms) VALUES ('acct_one', 1);
      INSERT INTO keys (id, account, mode, secret_sha256, hint, created_ms)
      VALUES ('key_1', 'acct_one', 'test', '${sha256('secret')}', 'sk_test_****ey_1', 7);
      INSERT INTO sessions (id, namespace, token_sha256, created_ms, expires_at_ms)
      VALUES ('bmes_1', 'acct_one/test', '${sha256('token')}', 7, 900007);`);
    db.close();
    const catalog = openSqliteCatalog(file);
    t.after(() => catalog.close());
    const key = aKey('key_1', { createdMs: 7 });
    assert.deepEqual(catalog.keys.find(sha256('secret')), key);
    const session = aSession('bmes_1', { keyId: '', createdMs: 7, expiresAtMs: 7 });
    assert.deepEqual(catalog.sessions.find(sha256('token')), session);
  });

  test('of the sixth version: destinations get the version that they had, alerts whole numbers', async (t) => {
    const file = newFile(t);
    const db = new Database(file);
    for (const name of readdirSync(MIGRATIONS).toSorted().slice(0, 6)) {
      db.exec(readFileSync(new URL(name, MIGRATIONS), 'utf8'));
    }
    db.pragma('user_version = 6');
    const destination = db.prepare(`
      INSERT INTO destinations (namespace, id, name, payload, enabled_events, url, api_version, metadata,
        status, created_ms, updated_ms, secret, deleted)
      VALUES ('${NAMESPACE}', ?, 'n', ?, '["*"]', 'https://example.com', ?, '[]', 'enabled', 1, 1, 's', 0)`);
    destination.run('we_none', 'snapshot', null);
    destination.run('we_own', 'snapshot', '2025-01-27.acacia');
    destination.run('ed_thin', 'thin', null);
    const event = db.prepare(`
      INSERT INTO core_events (namespace, id, created_ms, snapshot_type, snapshot)
      VALUES ('${NAMESPACE}', ?, 1, ?, ?)`);
    const triggered = (value: string, gte: string): string =>
      `{"object":"billing.alert_triggered","alert":{"title":"é \\"1\\"","usage_threshold":{"gte":${gte}}},"value":${value}}`;
    const values = [
      ['100.5', '0.5', '100', '0'],
      ['9223372036854775807.000000000001', '7', '9223372036854775807', '7'],
      [
        '9223372036854775808',
        '999999999999999.999999999999',
        '9223372036854775807',
        '999999999999999',
      ],
      ['10000000000000000000.25', '1', '9223372036854775807', '1'],
    ] as const;
    for (const [n, [value, gte]] of values.entries()) {
      event.run(`evt_${n}`, 'billing.alert.triggered', triggered(value, gte));
    }
    event.run('evt_other', 'billing.meter.created', '{"value":1.50}');
    db.close();
    const catalog = openSqliteCatalog(file);
    t.after(() => catalog.close());
    const versions = ['we_none', 'we_own', 'ed_thin'].map(
      async (id) => (await catalog.destinations.find(NAMESPACE, id))?.apiVersion,
    );
    const expected = ['2026-10-28.endive', '2025-01-27.acacia', null];
    assert.deepEqual(await Promise.all(versions), expected);
    const snapshotOf = async (id: string) =>
      (await catalog.coreEvents.find(NAMESPACE, id))?.snapshot?.object;
    for (const [n, [value, gte, wholeValue, wholeGte]] of values.entries()) {
      assert.equal(
        await snapshotOf(`evt_${n}`),
        triggered(`${wholeValue},"value_decimal":"${value}"`, `${wholeGte},"gte_decimal":"${gte}"`),
      );
    }
    assert.equal(await snapshotOf('evt_other'), '{"value":1.50}');
  });

  test('customers of the sixth version are found by a search', async (t) => {
    const file = newFile(t);
    const db = new Database(file);
    for (const name of readdirSync(MIGRATIONS).toSorted().slice(0, 6)) {
      db.exec(readFileSync(new URL(name, MIGRATIONS), 'utf8'));
    }
    db.pragma('user_version = 6');
    const insert = db.prepare(`
      INSERT INTO customers (namespace, id, created_s, name, email, metadata, deleted)
      VALUES ('${NAMESPACE}', ?, 7, 'Amy Bee', 'amy@x.io', '[["plan","Gold"]]', ?)`);
    insert.run('cus_1', 0);
    insert.run('cus_2', 1);
    db.close();
    const catalog = openSqliteCatalog(file);
    t.after(() => catalog.close());
    const amy = aCustomer('cus_1', {
      createdS: 7,
      name: 'Amy Bee',
      email: 'amy@x.io',
      metadata: new Map([['plan', 'Gold']]),
    });
    for (const query of [
      `name:'bee'`,
      `email:'amy@x.io'`,
      `metadata['plan']:'gold'`,
      'created:7',
    ]) {
      const page = { limit: 10, countsAll: false };
      const found = await catalog.customers.search(NAMESPACE, parseSearchQuery(query), page);
      assert.deepEqual(found.data, [amy], query);
    }
  });

  test('what is not a catalog is not opened', (t) => {
    const file = newFile(t);
    const db = new Database(file);
    db.exec('CREATE TABLE keys (whatever TEXT)');
    db.close();
    assert.throws(() => openSqliteCatalog(file), /keys already exists/);
    const after = new Database(file);
    assert.equal(after.pragma('user_version', { simple: true }), 0);
    assert.deepEqual(
      after.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all(),
      ['keys'],
    );
    after.close();
  });
});

suite('SQLite: answers and keys', () => {
  test('a walk over the keys and a pruning take more than one step, and let others write', async (t) => {
    const file = newFile(t);
    const catalog = openSqliteCatalog(file);
    t.after(() => catalog.close());
    const count = 2 * ANSWERS_STEP_MAX + 1;
    const db = new Database(file);
    db.prepare(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
      INSERT INTO answers
        (namespace, idempotency_key, fingerprint, status, body, request_id, created_ms)
      SELECT ?, 'k' || n, 'f', 200, '{}', 'req_1', n FROM numbers`,
    ).run(count, NAMESPACE);
    db.close();

    const seen = new Set<string>();
    for (const { idempotencyKey } of catalog.answers.keys()) {
      seen.add(idempotencyKey);
      if (seen.size === 1) await catalog.meters.create(aMeter('mtr_1'));
    }
    assert.equal(seen.size, count);

    const pruned = catalog.answers.prune(count);
    await catalog.meters.create(aMeter('mtr_2'), () => anAnswer('during'));
    await pruned;
    assert.deepEqual(
      [...catalog.answers.keys()].map((key) => key.idempotencyKey),
      [`k${count}`, 'during'],
    );
  });

  test('a pruning that is under way ends quietly when the catalog is closed', async (t) => {
    const file = newFile(t);
    const catalog = openSqliteCatalog(file);
    const db = new Database(file);
    const insert = db.prepare(`
      INSERT INTO answers
        (namespace, idempotency_key, fingerprint, status, body, request_id, created_ms)
      VALUES ('acct_one/test', ?, 'f', 200, '{}', 'req_1', 1)`);
    db.transaction(() => {
      for (let n = 0; n <= ANSWERS_STEP_MAX; n++) insert.run(`k${n}`);
    })();
    db.close();
    const pruned = catalog.answers.prune(2);
    catalog.close();
    await pruned;
  });

  test('find asks the file once in KEYS_STALE_MS, not at each request', async (t) => {
    const file = newFile(t);
    const clock = new ManualClock();
    const catalog = openSqliteCatalog(file, { clock });
    const beside = openSqliteCatalog(file, { clock });
    t.after(() => [catalog, beside].forEach((each) => each.close()));
    await catalog.keys.create(aKey('key_1'), sha256('secret'));
    await beside.keys.revoke('key_1', 1);
    clock.advance(KEYS_STALE_MS - 1);
    assert.deepEqual(catalog.keys.find(sha256('secret')), aKey('key_1'), 'from memory');
    clock.advance(1);
    assert.equal(catalog.keys.find(sha256('secret')), undefined);
  });
});

suite('SQLite: the writer', () => {
  test('nothing else writes: what it prepares runs only in its transactions', (t) => {
    const db = openDatabase(newFile(t));
    t.after(() => db.close());
    const writer = new Writer(db);
    const insert = writer.sql.prepare(`INSERT INTO accounts (id, created_ms) VALUES (?, 1)`);
    const insertAndTell = writer.sql.prepare(
      `INSERT INTO accounts (id, created_ms) VALUES (?, 1) RETURNING id`,
    );
    const count = writer.sql.prepare('SELECT count(*) FROM accounts').pluck();
    for (const write of [
      () => insert.run('a'),
      () => insertAndTell.get('a'),
      () => insertAndTell.all('a'),
      () => insertAndTell.iterate('a'),
    ]) {
      assert.throws(write, /only the writer writes: INSERT/u);
    }
    assert.equal(count.get(), 0);
    writer.transaction(() => [insert.run('a'), insertAndTell.get('b')])();
    assert.equal(count.get(), 2);
    assert.throws(() => insert.run('c'), /only the writer writes/u);
  });

  test('a change of a file that was removed fails, and so does all that comes after it', async (t) => {
    const file = newFile(t);
    const db = openDatabase(file);
    t.after(() => db.close());
    const writer = new Writer(db);
    const write = writer.transaction(() => undefined);
    write();
    renameSync(file, `${file}-2`);
    assert.throws(write, ApiError);
    assert.match(String(await writer.failure), /catalog\.db is not there any more/u);
    renameSync(`${file}-2`, file);
    assert.throws(write, ApiError);
  });
});

suite('SQLite: outcomes of deliveries', () => {
  test('what follows them is synced again, also when they could not be kept', async (t) => {
    const db = openDatabase(newFile(t));
    t.after(() => db.close());
    const writer = new Writer(db);
    const { sql } = writer;
    const outbox = sqliteOutbox(sql);
    await sqliteDestinations(sql, writer, outbox).create(aDestination('we_1'));
    await sqliteCoreEvents(sql, writer, outbox, new Slices(sql)).record([anEvent('evt_1')]);
    const deliveries = sqliteDeliveries(sql, writer, outbox);
    const [lane] = deliveries.lanes();
    const due = deliveries.findDue(lane?.lane ?? 0, START_MS);
    assert.ok(due);
    const level = (): unknown => db.pragma('synchronous', { simple: true });
    deliveries.settle([settled(due)]);
    assert.equal(level(), 2, '2 is FULL');
    assert.throws(() => deliveries.settle([settled(due, { dueMs: 0.5 })]), /cannot store REAL/u);
    assert.equal(level(), 2);
  });
});

suite('SQLite: rows', () => {
  test('a rule cannot change what stands for ever', async (t) => {
    const catalog = openSqliteCatalog(newFile(t));
    t.after(() => catalog.close());
    await catalog.meters.create(aMeter('mtr_1'));
    await catalog.customers.create(aCustomer('cus_1'));
    for (const fields of [
      { eventName: 'x' },
      { id: 'mtr_2' },
      { valueKey: 'x' },
      { createdS: 1 },
    ]) {
      const change = catalog.meters.change(NAMESPACE, 'mtr_1', (m) => ({ ...m, ...fields }));
      await assert.rejects(change, assert.AssertionError);
    }
    for (const fields of [{ id: 'cus_2' }, { createdS: 1 }]) {
      const change = catalog.customers.change(NAMESPACE, 'cus_1', (c) => ({ ...c, ...fields }));
      await assert.rejects(change, assert.AssertionError);
    }
    assert.deepEqual(await catalog.meters.find(NAMESPACE, 'mtr_1'), aMeter('mtr_1'));
    assert.deepEqual(await catalog.customers.find(NAMESPACE, 'cus_1'), aCustomer('cus_1'));
  });
});

/** A path in a new folder, which goes when the test ends. */
function newFile(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'taximeter-catalog-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return path.join(folder, 'catalog.db');
}
