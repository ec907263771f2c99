/** The gate as a whole, on a real catalog, with the time in hand. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { aKey, aSession, ManualClock } from '../../catalog/contract/fixtures.ts';
import { openSqliteCatalog } from '../../catalog/sqlite/sqlite-catalog.ts';
import { ApiError } from '../../domain/errors.ts';
import { Access, type AccessLimits } from './access.ts';
import { hashSecret } from './auth.ts';

const CALL = { scope: 'events.write' } as const;
const STREAM = { scope: 'events.write', opensWith: 'session' } as const;

/** A catalog with the key `one`, the session `token` that it opened, and the key `reader`, which may only read. */
async function open(t: TestContext, limits: Partial<AccessLimits> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-access-'));
  const clock = new ManualClock();
  const catalog = openSqliteCatalog(join(folder, 'catalog.db'), { clock });
  t.after(() => {
    catalog.close();
    rmSync(folder, { recursive: true });
  });
  const { keys, sessions } = catalog;
  await keys.create(aKey('key_1'), hashSecret('one'));
  await keys.create(aKey('key_2', { scopes: ['usage.read'] }), hashSecret('reader'));
  await sessions.create(aSession('bmes_1'), hashSecret('token'));
  const none = { rateLimit: undefined, authFailuresMax: 0, proxies: 0 };
  const access = new Access({ keys, sessions, limits: { ...none, ...limits } });
  /** The id of the key, or why it is refused. */
  const ask = (secret: string, call: typeof CALL | typeof STREAM = CALL): string => {
    const headers = { authorization: `Bearer ${secret}` };
    try {
      const asked = { headers, socket: { remoteAddress: '192.0.2.1' } };
      return access.admit(call, asked, clock.nowMs()).id;
    } catch (error) {
      assert.ok(error instanceof ApiError);
      return error.reason;
    }
  };
  return { keys, clock, ask };
}

test('a key and its sessions share one rate', async (t) => {
  const { ask, clock } = await open(t, { rateLimit: 3 });
  const asked = [ask('one'), ask('token', STREAM), ask('one')];
  assert.deepEqual(asked, ['key_1', 'key_1', 'key_1']);
  assert.equal(ask('token', STREAM), 'key_rate_limit');
  assert.equal(ask('one'), 'key_rate_limit');
  assert.equal(ask('reader'), 'permission_missing', 'another key has its own');
  clock.advance(334);
  assert.equal(ask('token', STREAM), 'key_1');
});

test('whoever was let in used a key, by a session too; who was not did not', async (t) => {
  const { ask, clock, keys } = await open(t);
  const uses = async (): Promise<(number | null)[]> => {
    await keys.saveUse();
    return (await keys.list()).map(({ lastUsedMs }) => lastUsedMs);
  };
  for (const wrong of ['nobody', 'token']) ask(wrong);
  ask('one', STREAM);
  assert.deepEqual(await uses(), [null, null]);
  ask('one');
  const first = clock.nowMs();
  assert.deepEqual(await uses(), [null, first]);
  clock.advance(5);
  ask('token', STREAM);
  assert.deepEqual(await uses(), [null, first + 5]);
});

test('a client that goes on with a revoked key does not keep a new one from its address', async (t) => {
  const { ask, keys } = await open(t, { authFailuresMax: 2 });
  await keys.revoke('key_1', 1);
  for (let n = 0; n < 10; n++) assert.equal(ask('one'), 'key_invalid');
  assert.equal(ask('reader'), 'permission_missing');
});

test('who has failed too often learns nothing of a key that is right', async (t) => {
  const { ask, clock } = await open(t, { authFailuresMax: 2 });
  assert.equal(ask('one'), 'key_1');
  assert.deepEqual([ask('a'), ask('b', STREAM)], ['key_invalid', 'session_invalid']);
  const refused = ['c', 'reader', 'token'].map((secret) => ask(secret));
  assert.deepEqual(refused, ['too_many_failures', 'too_many_failures', 'too_many_failures']);
  assert.equal(ask('c', STREAM), 'too_many_failures');
  assert.deepEqual([ask('one'), ask('token', STREAM)], ['key_1', 'key_1']);
  clock.advance(60_000);
  assert.equal(ask('reader'), 'permission_missing');
});
