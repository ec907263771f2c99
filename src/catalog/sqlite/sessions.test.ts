import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ApiError } from '../../domain/errors.ts';
import type { Session, Sessions } from '../catalog.ts';
import { aSession, OTHERS } from '../contract/fixtures.ts';
import { openDatabase } from './database.ts';
import { sqliteSessions } from './sessions.ts';
import { Writer } from './writer.ts';

const [OTHER] = OTHERS;
assert.ok(OTHER);

class Subject {
  readonly #writer: Writer;
  readonly #limits: { readonly all: number; readonly ofKey: number };
  readonly revoked = new Set<string>();
  sessions: Sessions;

  constructor(t: TestContext, limits: { readonly all: number; readonly ofKey: number }) {
    const folder = mkdtempSync(join(tmpdir(), 'taximeter-sessions-'));
    const db = openDatabase(join(folder, 'catalog.db'));
    t.after(() => {
      db.close();
      rmSync(folder, { recursive: true });
    });
    this.#writer = new Writer(db);
    this.#limits = limits;
    this.sessions = this.#open();
  }

  #open(): Sessions {
    return sqliteSessions(this.#writer.sql, this.#writer, this.#limits);
  }

  restart(): void {
    this.sessions = this.#open();
  }

  /** A session that is open for 900 ms. */
  async create(n: number, createdMs: number, fields: Partial<Session> = {}): Promise<void> {
    const session = aSession(`bmes_${n}`, { createdMs, expiresAtMs: createdMs + 900, ...fields });
    await this.sessions.create(session, `token ${n}`, (keyId) => !this.revoked.has(keyId));
  }

  async refused(creation: Promise<void>, message: RegExp, retryAfterS = 1): Promise<void> {
    await assert.rejects(creation, (error: unknown) => {
      assert.ok(error instanceof ApiError, String(error));
      assert.deepEqual([error.reason, error.retryAfterS], ['rate_limit', retryAfterS]);
      assert.match(error.message, message);
      return true;
    });
  }

  get found(): readonly number[] {
    const all = Array.from({ length: 400 }, (_, n) => n);
    return all.filter((n) => this.sessions.find(`token ${n}`) !== undefined);
  }
}

test('past the limit of a namespace its oldest one is forgotten, unless it is open', async (t) => {
  const subject = new Subject(t, { all: 3, ofKey: 3 });
  await subject.create(1, 1000);
  await subject.create(2, 1001);
  await subject.create(3, 1002);
  await subject.create(4, 1003, { namespace: OTHER });
  const full = /There are 3 open sessions\. Use one until it expires\./u;
  await subject.refused(subject.create(5, 1899, { keyId: 'key_2' }), full);
  assert.deepEqual(subject.found, [1, 2, 3, 4], 'the refused one changed nothing');
  await subject.create(6, 1900, { keyId: 'key_2' });
  assert.deepEqual(subject.found, [2, 3, 4, 6]);
  await subject.refused(subject.create(5, 1900), full);
  subject.restart();
  assert.deepEqual(subject.found, [2, 3, 4, 6], 'also after a restart');
  await subject.refused(subject.create(5, 1900), full);
});

test('a key has a share of them, and the others the rest', async (t) => {
  const subject = new Subject(t, { all: 4, ofKey: 2 });
  await subject.create(1, 1000);
  await subject.create(2, 1001);
  const full = /This key has 2 open sessions\. Use one until it expires\./u;
  await subject.refused(subject.create(3, 1002), full);
  await subject.create(3, 1002, { keyId: 'key_2' });
  await subject.create(4, 1002, { namespace: OTHER });
  subject.restart();
  await subject.refused(subject.create(5, 1003), full);
  await subject.create(5, 1900);
  assert.deepEqual(subject.found, [2, 3, 4, 5], 'an expired one of its own makes room');
});

test('a key that is revoked gives its places back, a hundred for each that is taken', async (t) => {
  const subject = new Subject(t, { all: 302, ofKey: 300 });
  for (let n = 0; n < 300; n += 1) await subject.create(n, 1000, { keyId: 'key_bad' });
  await subject.create(300, 1001, { keyId: 'key_good' });
  await subject.create(301, 1002, { keyId: 'key_good' });
  const full = /There are 302 open sessions/u;
  await subject.refused(subject.create(302, 1003, { keyId: 'key_good' }), full);
  subject.revoked.add('key_bad');
  await subject.create(302, 1003, { keyId: 'key_good' });
  assert.deepEqual(
    subject.found,
    Array.from({ length: 203 }, (_, n) => n + 100),
  );
  subject.restart();
  for (let n = 303; n < 400; n += 1) await subject.create(n, 1004, { keyId: 'key_good' });
  assert.ok(subject.found.includes(301) && subject.found.includes(399));
});

test('an expired one of any key makes room, however young the key', async (t) => {
  const subject = new Subject(t, { all: 2, ofKey: 2 });
  await subject.create(1, 1000, { keyId: 'key_long' });
  await subject.create(2, 1001, { keyId: 'key_short', expiresAtMs: 1100 });
  await subject.refused(subject.create(3, 1050), /There are 2/u);
  await subject.create(3, 1100);
  assert.deepEqual(subject.found, [1, 3]);
});

test('whoever has too many is told when the first of them expires', async (t) => {
  const subject = new Subject(t, { all: 2, ofKey: 1 });
  await subject.create(1, 1000, { expiresAtMs: 901_000 });
  await subject.refused(subject.create(2, 300_500), /This key has 1/u, 601);
  await subject.create(2, 1000, { keyId: 'key_2', expiresAtMs: 601_000 });
  const another = subject.create(3, 300_500, { keyId: 'key_3' });
  await subject.refused(another, /There are 2/u, 301);
});
