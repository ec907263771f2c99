import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aKey, sha256 } from './contract/fixtures.ts';
import { KeyRing } from './key-ring.ts';

test('a key is found by the whole hash of its secret, not by a part of it', () => {
  const key = aKey('key_1');
  const hash = sha256('secret');
  const ring = new KeyRing([{ key, secretSha256: hash }]);
  assert.equal(ring.find(hash), key);
  const otherEnd = hash.slice(0, -1) + (hash.endsWith('0') ? '1' : '0');
  for (const wrong of [otherEnd, hash.slice(0, 32), `${hash}0`, hash.toUpperCase(), '']) {
    assert.equal(ring.find(wrong), undefined, wrong);
  }
  assert.equal(ring.find(hash), key);
});
