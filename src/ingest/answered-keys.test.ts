import { HOUR_MS } from '../domain/time.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { packReceipts } from '../journal/receipt.ts';
import { ANSWER_KEPT_MS, AnsweredKeys, IN_CATALOG } from './answered-keys.ts';
import { NamespaceHashes } from './namespace-hashes.ts';

const NOW_MS = 500_000.5 * HOUR_MS;
const folder = mkdtempSync(join(tmpdir(), 'taximeter-answered-keys-'));
after(() => rmSync(folder, { recursive: true }));

const newKeys = (
  key = Uint32Array.of(1, 2, 3, 4),
  dataFolder = mkdtempSync(join(folder, 'data-')),
  lastPosition = 0,
) =>
  new AnsweredKeys(new NamespaceHashes(key), {
    owner: 'journal',
    dataFolder,
    lastPosition,
    recentMax: 2,
    onFailure: (error) => {
      throw error;
    },
  });

test('an answered key says where its first answer is', () => {
  const keys = newKeys();
  const inJournal = keys.hashKey('acct_1/test', 'a');
  const inCatalog = keys.hashKey('acct_1/test', 'b');
  assert.equal(keys.find(inJournal, NOW_MS), undefined);
  keys.add(inJournal, NOW_MS, 9_007_199_254_740_991);
  keys.add(inCatalog, NOW_MS, IN_CATALOG);
  assert.equal(keys.find(inJournal, NOW_MS), 9_007_199_254_740_991);
  assert.equal(keys.find(inCatalog, NOW_MS), IN_CATALOG);
  assert.equal(keys.find(keys.hashKey('acct_1/test', 'c'), NOW_MS), undefined);
});

test('packed receipts are added as if one by one', () => {
  const keys = newKeys();
  const hashes = ['a', 'b'].map((key) => keys.hashKey('acct_1/test', key));
  const fingerprint = [0, 0] as const;
  const packed = packReceipts(
    hashes.map((keyHash) => ({
      keyHash,
      fingerprint,
      receivedAtMs: NOW_MS,
      generatedIdentifier: undefined,
    })),
  );
  keys.addPacked({ blockId: 7, packed });
  assert.deepEqual(
    hashes.map((hash) => keys.find(hash, NOW_MS)),
    [7, 7],
  );
});

test('accounts and modes know nothing of each other', () => {
  const keys = newKeys();
  const namespaces = ['acct_1/test', 'acct_1/live', 'acct_2/test'] as const;
  const hashes = namespaces.map((namespace) => keys.hashKey(namespace, 'a').join());
  const prints = namespaces.map((namespace) => keys.fingerprint(namespace, 'a').join());
  assert.equal(new Set(hashes).size, 3);
  assert.equal(new Set(prints).size, 3);
});

test('hashes and fingerprints are the same after a restart, and others in another data folder', () => {
  const [one, restarted, other] = [newKeys(), newKeys(), newKeys(Uint32Array.of(5, 6, 7, 8))];
  assert.deepEqual(restarted.hashKey('acct_1/test', 'a'), one.hashKey('acct_1/test', 'a'));
  assert.deepEqual(restarted.fingerprint('acct_1/test', 'a'), one.fingerprint('acct_1/test', 'a'));
  assert.notDeepEqual(other.hashKey('acct_1/test', 'a'), one.hashKey('acct_1/test', 'a'));
  assert.notDeepEqual(other.fingerprint('acct_1/test', 'a'), one.fingerprint('acct_1/test', 'a'));
});

test('a key is known for 24 h at least, and never longer than its answer is kept', () => {
  const anyTime = fc.nat({ max: HOUR_MS - 1 }).map((ms) => NOW_MS + ms);
  fc.assert(
    fc.property(anyTime, fc.nat({ max: 30 * HOUR_MS }), (receivedAtMs, laterMs) => {
      const keys = newKeys();
      const hash = keys.hashKey('acct_1/test', 'a');
      keys.add(hash, receivedAtMs, 1);
      const known = keys.find(hash, receivedAtMs + laterMs) !== undefined;
      if (laterMs <= 24 * HOUR_MS) assert.ok(known);
      if (laterMs > ANSWER_KEPT_MS) assert.ok(!known);
    }),
  );
});

test('what was sealed is there after a restart, with its places', async () => {
  const dataFolder = mkdtempSync(join(folder, 'data-'));
  const keys = newKeys(undefined, dataFolder);
  const hashes = ['a', 'b', 'c'].map((key) => keys.hashKey('acct_1/test', key));
  await keys.rebuilt(0);
  hashes.forEach((hash, i) => keys.add(hash, NOW_MS, i));
  keys.sealIfDue(2, NOW_MS, async () => undefined);
  await keys.idle();
  await keys.close();
  const restarted = newKeys(undefined, dataFolder, 2);
  assert.equal(restarted.coveredThrough, 2);
  assert.deepEqual(
    hashes.map((hash) => restarted.find(hash, NOW_MS)),
    [IN_CATALOG, 1, 2],
  );
  await restarted.close();
});
