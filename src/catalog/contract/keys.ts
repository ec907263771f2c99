/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEYS_STALE_MS } from '../catalog.ts';
import { aKey, sha256 } from './fixtures.ts';
import { restarts, type Start } from './subject.ts';

/** A key opens its namespace until it is revoked, in whatever process that happens. */
export function keysContract(start: Start): void {
  const secret = 'sk_test_0123456789abcdefghijklmnopqrstuv';

  test('the default account is one for ever, also for others who open the catalog', async (t) => {
    const { catalog, openBeside, reopen } = await start(t);
    const account = catalog.keys.defaultAccount();
    assert.match(account, /^acct_[0-9A-Za-z]{16}$/);
    await catalog.keys.create(aKey('key_1', { account: 'acct_0' }), sha256(secret));
    assert.equal(catalog.keys.defaultAccount(), account);
    assert.equal((await openBeside()).keys.defaultAccount(), account);
    assert.equal((await reopen()).keys.defaultAccount(), account);
  });

  test('a key opens its namespace until it is revoked, which is for ever', async (t) => {
    const subject = await start(t);
    const { catalog } = subject;
    const live = aKey('key_2', { account: 'acct_two', mode: 'live' });
    await catalog.keys.create(aKey('key_1'), sha256(secret));
    await catalog.keys.create(live, sha256('sk_live_2'));
    assert.equal(catalog.keys.find(sha256(secret)), 'acct_one/test');
    assert.equal(catalog.keys.find(sha256('sk_live_2')), 'acct_two/live');
    assert.equal(catalog.keys.find(sha256('sk_live_3')), undefined);
    assert.equal(catalog.keys.find(secret), undefined);

    assert.equal(await catalog.keys.revoke('key_1', 1_760_000_000_500), true);
    assert.equal(catalog.keys.find(sha256(secret)), undefined);
    assert.equal(await catalog.keys.revoke('key_1', 1_760_000_000_900), true);
    assert.equal(await catalog.keys.revoke('key_none', 1_760_000_000_900), false);
    for await (const { keys } of restarts(subject)) {
      assert.equal(keys.find(sha256(secret)), undefined);
      assert.equal(keys.find(sha256('sk_live_2')), 'acct_two/live');
      const revoked = aKey('key_1', { revokedAtMs: 1_760_000_000_500 });
      assert.deepEqual(await keys.list(), [live, revoked]);
    }
  });

  test('neither an id nor a secret is taken twice', async (t) => {
    const { catalog } = await start(t);
    await catalog.keys.create(aKey('key_1'), sha256(secret));
    await assert.rejects(catalog.keys.create(aKey('key_1'), sha256('other')));
    const stolen = aKey('key_2', { account: 'acct_two' });
    await assert.rejects(catalog.keys.create(stolen, sha256(secret)));
    assert.equal(catalog.keys.find(sha256(secret)), 'acct_one/test');
    assert.deepEqual(await catalog.keys.list(), [aKey('key_1')]);
  });

  test('of a secret, only the SHA-256 is stored', async (t) => {
    const { catalog, storedBytes } = await start(t);
    await catalog.keys.create(aKey('key_1'), sha256(secret));
    assert.equal(catalog.keys.find(sha256(secret)), 'acct_one/test');
    const bytes = await storedBytes();
    assert.ok(bytes.includes('key_1'), 'these are the bytes in question');
    assert.ok(!bytes.includes(secret));
  });

  test('keys made and revoked by another process are seen in time', async (t) => {
    const { catalog, clock, openBeside } = await start(t);
    const beside = await openBeside();
    assert.equal(catalog.keys.find(sha256(secret)), undefined);
    await beside.keys.create(aKey('key_1'), sha256(secret));
    assert.equal(catalog.keys.find(sha256(secret)), 'acct_one/test', 'made: at once');
    assert.deepEqual(await catalog.keys.list(), [aKey('key_1')]);

    await beside.keys.revoke('key_1', 1_760_000_000_500);
    clock.advance(KEYS_STALE_MS);
    assert.equal(catalog.keys.find(sha256(secret)), undefined, 'revoked: within KEYS_STALE_MS');

    // A write of our own in between must not hide one of theirs.
    await beside.keys.create(aKey('key_2'), sha256('second'));
    await catalog.keys.create(aKey('key_3'), sha256('third'));
    assert.equal(catalog.keys.find(sha256('second')), 'acct_one/test');
    await beside.keys.revoke('key_2', 1_760_000_000_600);
    await beside.keys.revoke('key_3', 1_760_000_000_600);
    await catalog.keys.create(aKey('key_4'), sha256('fourth'));
    clock.advance(KEYS_STALE_MS);
    assert.equal(catalog.keys.find(sha256('second')), undefined);
    assert.equal(catalog.keys.find(sha256('third')), undefined);
    assert.equal(catalog.keys.find(sha256('fourth')), 'acct_one/test');
  });

  test('a clock that is set back does not hide a revocation', async (t) => {
    const { catalog, clock, openBeside } = await start(t);
    const beside = await openBeside();
    await catalog.keys.create(aKey('key_1'), sha256(secret));
    clock.advance(-3_600_000);
    await beside.keys.revoke('key_1', 1_760_000_000_500);
    clock.advance(KEYS_STALE_MS);
    assert.equal(catalog.keys.find(sha256(secret)), undefined);
  });
}
