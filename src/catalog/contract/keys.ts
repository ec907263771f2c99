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
    await catalog.keys.create(aKey('key_1', { namespace: 'acct_0/test' }), sha256(secret));
    assert.equal(catalog.keys.defaultAccount(), account);
    assert.equal((await openBeside()).keys.defaultAccount(), account);
    assert.equal((await reopen()).keys.defaultAccount(), account);
  });

  test('a key opens its namespace until it is revoked, which is for ever', async (t) => {
    const subject = await start(t);
    const { catalog } = subject;
    const live = aKey('key_2', { namespace: 'acct_two/live' });
    await catalog.keys.create(aKey('key_1'), sha256(secret));
    await catalog.keys.create(live, sha256('sk_live_2'));
    assert.equal(catalog.keys.find(sha256(secret))?.namespace, 'acct_one/test');
    assert.equal(catalog.keys.find(sha256('sk_live_2'))?.namespace, 'acct_two/live');
    assert.equal(catalog.keys.find(sha256('sk_live_3')), undefined);
    for (const text of [secret, '', sha256(secret).slice(0, 40), sha256(secret) + '0']) {
      assert.equal(catalog.keys.find(text), undefined, text);
    }
    assert.deepEqual(catalog.keys.findById('key_2'), live);
    assert.equal(catalog.keys.findById('key_3'), undefined);

    assert.equal(await catalog.keys.revoke('key_1', 1_760_000_000_500), true);
    assert.equal(catalog.keys.find(sha256(secret)), undefined);
    assert.equal(catalog.keys.findById('key_1'), undefined);
    const areRevoked = [secret, 'sk_live_2', 'sk_live_3'].map((each) =>
      catalog.keys.isRevoked(sha256(each)),
    );
    assert.deepEqual(areRevoked, [true, false, false]);
    assert.equal(await catalog.keys.revoke('key_1', 1_760_000_000_900), true);
    assert.equal(await catalog.keys.revoke('key_none', 1_760_000_000_900), false);
    for await (const { keys } of restarts(subject)) {
      assert.equal(keys.find(sha256(secret)), undefined);
      assert.equal(keys.find(sha256('sk_live_2'))?.namespace, 'acct_two/live');
      const revoked = aKey('key_1', { revokedAtMs: 1_760_000_000_500 });
      assert.deepEqual(await keys.list(), [live, revoked]);
    }
  });

  test('what a key may do, until when and what it is called is kept as it was given', async (t) => {
    const subject = await start(t);
    const given = [
      aKey('key_1'),
      aKey('key_2', { scopes: ['events.write', 'usage.read'], name: 'Edge „Köln“' }),
      // Expiry is for who asks: the catalog goes on to find the key.
      aKey('key_3', { scopes: [], expiresAtMs: 1, lastUsedMs: 2 }),
    ];
    for (const key of given) await subject.catalog.keys.create(key, sha256(key.id));
    for await (const { keys } of restarts(subject)) {
      for (const key of given) {
        assert.deepEqual(keys.find(sha256(key.id)), key);
        assert.deepEqual(keys.findById(key.id), key);
      }
      assert.deepEqual(await keys.list(), given.toReversed());
    }
  });

  test('the last use of a key is on disk once it is saved, and not before', async (t) => {
    const { catalog, openBeside, reopen } = await start(t);
    await catalog.keys.create(aKey('key_1'), sha256(secret));
    await catalog.keys.create(aKey('key_2'), sha256('second'));
    const beside = await openBeside();
    const lastUses = async () => (await beside.keys.list()).map((key) => key.lastUsedMs);
    catalog.keys.noteUse('key_1', 1_760_000_000_001);
    catalog.keys.noteUse('key_1', 1_760_000_000_002);
    assert.deepEqual(await lastUses(), [null, null]);
    await catalog.keys.saveUse();
    assert.deepEqual(await lastUses(), [null, 1_760_000_000_002]);
    catalog.keys.noteUse('key_2', 1_760_000_000_003);
    await catalog.keys.saveUse();
    await catalog.keys.saveUse();
    assert.deepEqual(await lastUses(), [1_760_000_000_003, 1_760_000_000_002]);
    catalog.keys.noteUse('key_1', 1_760_000_000_004);
    const { keys } = await reopen();
    await keys.saveUse();
    assert.deepEqual(await lastUses(), [1_760_000_000_003, 1_760_000_000_002]);
  });

  test('neither an id nor a secret is taken twice', async (t) => {
    const { catalog } = await start(t);
    await catalog.keys.create(aKey('key_1'), sha256(secret));
    await assert.rejects(catalog.keys.create(aKey('key_1'), sha256('other')));
    const stolen = aKey('key_2', { namespace: 'acct_two/test' });
    await assert.rejects(catalog.keys.create(stolen, sha256(secret)));
    assert.equal(catalog.keys.find(sha256(secret))?.namespace, 'acct_one/test');
    assert.deepEqual(await catalog.keys.list(), [aKey('key_1')]);
  });

  test('of a secret, only the SHA-256 is stored', async (t) => {
    const { catalog, storedBytes } = await start(t);
    await catalog.keys.create(aKey('key_1'), sha256(secret));
    assert.equal(catalog.keys.find(sha256(secret))?.namespace, 'acct_one/test');
    const bytes = await storedBytes();
    assert.ok(bytes.includes('key_1'), 'these are the bytes in question');
    assert.ok(!bytes.includes(secret));
  });

  test('keys made and revoked by another process are seen in time', async (t) => {
    const { catalog, clock, openBeside } = await start(t);
    const beside = await openBeside();
    assert.equal(catalog.keys.find(sha256(secret)), undefined);
    await beside.keys.create(aKey('key_1'), sha256(secret));
    assert.equal(catalog.keys.find(sha256(secret))?.namespace, 'acct_one/test', 'made: at once');
    assert.deepEqual(await catalog.keys.list(), [aKey('key_1')]);

    await beside.keys.revoke('key_1', 1_760_000_000_500);
    clock.advance(KEYS_STALE_MS);
    assert.equal(catalog.keys.findById('key_1'), undefined, 'revoked: within KEYS_STALE_MS');
    assert.equal(catalog.keys.find(sha256(secret)), undefined);

    // A write of our own in between must not hide one of theirs.
    await beside.keys.create(aKey('key_2'), sha256('second'));
    await catalog.keys.create(aKey('key_3'), sha256('third'));
    assert.equal(catalog.keys.find(sha256('second'))?.namespace, 'acct_one/test');
    await beside.keys.revoke('key_2', 1_760_000_000_600);
    await beside.keys.revoke('key_3', 1_760_000_000_600);
    await catalog.keys.create(aKey('key_4'), sha256('fourth'));
    clock.advance(KEYS_STALE_MS);
    assert.equal(catalog.keys.find(sha256('second')), undefined);
    assert.equal(catalog.keys.find(sha256('third')), undefined);
    assert.equal(catalog.keys.find(sha256('fourth'))?.namespace, 'acct_one/test');
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
