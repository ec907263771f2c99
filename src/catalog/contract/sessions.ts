import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SESSION_KEPT_MS } from '../catalog.ts';
import { aSession, OTHERS, sha256 } from './fixtures.ts';
import { restarts, type Start } from './subject.ts';

/** A session is known by its token until a day after it has expired, also over a restart. */
export function sessionsContract(start: Start): void {
  const token = 'token_0123456789abcdefghijklmnopqrstuv';

  test('a session is found by the hash of its token, and only by that', async (t) => {
    const subject = await start(t);
    const [live, other] = OTHERS.map((namespace, n) => aSession(`bmes_${n}`, { namespace }));
    assert.ok(live && other);
    await subject.catalog.sessions.create(live, sha256(token));
    await subject.catalog.sessions.create(other, sha256('other'));
    for await (const { sessions } of restarts(subject)) {
      assert.deepEqual(sessions.find(sha256(token)), live);
      assert.deepEqual(sessions.find(sha256('other')), other);
      for (const text of [token, sha256('none'), live.id, '']) {
        assert.equal(sessions.find(text), undefined);
      }
    }
  });

  test('neither an id nor a token is taken twice', async (t) => {
    const { catalog, reopen } = await start(t);
    const session = aSession('bmes_1');
    await catalog.sessions.create(session, sha256(token));
    await assert.rejects(catalog.sessions.create(aSession('bmes_1'), sha256('other')));
    const [namespace] = OTHERS;
    assert.ok(namespace);
    await assert.rejects(catalog.sessions.create(aSession('bmes_2', { namespace }), sha256(token)));
    for (const { sessions } of [catalog, await reopen()]) {
      assert.deepEqual(sessions.find(sha256(token)), session);
      assert.equal(sessions.find(sha256('other')), undefined);
    }
  });

  test('an expired session is known for a day, then the next one takes its place', async (t) => {
    const subject = await start(t);
    let { sessions } = subject.catalog;
    const session = aSession('bmes_1');
    const forgottenMs = session.expiresAtMs + SESSION_KEPT_MS;
    await sessions.create(session, sha256(token));
    await sessions.create(aSession('bmes_2', { createdMs: forgottenMs }), sha256('second'));
    ({ sessions } = await subject.reopen());
    assert.deepEqual(sessions.find(sha256(token)), session);
    await sessions.create(aSession('bmes_3', { createdMs: forgottenMs + 1 }), sha256('third'));
    assert.equal(sessions.find(sha256(token)), undefined);
    ({ sessions } = await subject.reopen());
    assert.equal(sessions.find(sha256(token)), undefined);
    assert.equal(sessions.find(sha256('third'))?.id, 'bmes_3');
  });

  test('of a token, only the SHA-256 is stored', async (t) => {
    const { catalog, storedBytes } = await start(t);
    await catalog.sessions.create(aSession('bmes_1'), sha256(token));
    const bytes = await storedBytes();
    assert.ok(bytes.includes('bmes_1'), 'these are the bytes in question');
    assert.ok(!bytes.includes(token));
  });
}
