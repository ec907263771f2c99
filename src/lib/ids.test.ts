import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  adjustmentId,
  newAccountId,
  newCoreEventId,
  newCustomerId,
  newDestinationId,
  newKeyId,
  newMeterId,
  newRequestId,
  newRestrictedKey,
  newSecretKey,
  newSessionId,
  newSessionToken,
  newSigningSecret,
  newWebhookEndpointId,
  type RandomByte,
} from './ids.ts';

const kinds: readonly (readonly [RegExp, (random?: RandomByte) => string])[] = [
  [/^mtr_[0-9A-Za-z]{32}$/, (random) => newMeterId('live', random)],
  [/^mtr_test_[0-9A-Za-z]{32}$/, (random) => newMeterId('test', random)],
  [/^cus_[0-9A-Za-z]{14}$/, newCustomerId],
  [/^acct_[0-9A-Za-z]{16}$/, newAccountId],
  [/^key_[0-9A-Za-z]{16}$/, newKeyId],
  [/^sk_live_[0-9A-Za-z]{32}$/, (random) => newSecretKey('live', random)],
  [/^sk_test_[0-9A-Za-z]{32}$/, (random) => newSecretKey('test', random)],
  [/^rk_live_[0-9A-Za-z]{32}$/, (random) => newRestrictedKey('live', random)],
  [/^rk_test_[0-9A-Za-z]{32}$/, (random) => newRestrictedKey('test', random)],
  [/^bmes_[0-9A-Za-z]{32}$/, (random) => newSessionId('live', random)],
  [/^bmes_test_[0-9A-Za-z]{32}$/, (random) => newSessionId('test', random)],
  [/^token_[0-9A-Za-z]{32}$/, newSessionToken],
  [/^evt_[0-9A-Za-z]{32}$/, (random) => newCoreEventId('live', random)],
  [/^evt_test_[0-9A-Za-z]{32}$/, (random) => newCoreEventId('test', random)],
  [/^ed_[0-9A-Za-z]{32}$/, (random) => newDestinationId('live', random)],
  [/^ed_test_[0-9A-Za-z]{32}$/, (random) => newDestinationId('test', random)],
  [/^we_[0-9A-Za-z]{24}$/, newWebhookEndpointId],
  [/^whsec_[0-9A-Za-z]{32}$/, newSigningSecret],
  [/^req_[0-9A-Za-z]{14}$/, newRequestId],
];

test('each kind of id has its shape, and 10,000 of it are all different', () => {
  for (const [shape, newId] of kinds) {
    const ids = Array.from({ length: 10_000 }, () => newId());
    for (const id of ids) assert.match(id, shape);
    assert.equal(new Set(ids).size, ids.length);
  }
});

test('over all bytes, each of the 62 characters comes equally often', () => {
  // Each 64 bytes in a row give 62 characters; 31 ids of 16 characters take 8 such rows.
  const random = countingBytes();
  const ids = Array.from({ length: 31 }, () => newAccountId(random).slice('acct_'.length));
  const counts = countOf(ids.join(''));
  assert.equal(counts.size, 62);
  assert.deepEqual(new Set(counts.values()), new Set([8]));
});

test("the system's characters are even beyond what chance explains", () => {
  const text = Array.from({ length: 20_000 }, () => newMeterId('live').slice('mtr_'.length)).join(
    '',
  );
  const expected = text.length / 62;
  let chiSquared = 0;
  for (const count of countOf(text).values()) chiSquared += (count - expected) ** 2 / expected;
  // 61 degrees of freedom: above 150 once in 1e9 runs; a plain `byte % 62` about 4,400.
  assert.ok(chiSquared < 150, `chi-squared ${chiSquared}`);
});

test('an id uses the source that it is given', () => {
  for (const [, newId] of kinds) assert.equal(newId(countingBytes()), newId(countingBytes()));
  assert.equal(newRequestId(countingBytes()), 'req_0123456789ABCD');
});

function countingBytes(): RandomByte {
  let next = 0;
  return () => next++ % 256;
}

function countOf(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return counts;
}

test('the id of an adjustment follows from its facts, and from each of them', () => {
  const ids = Array.from({ length: 10_000 }, (_, n) => adjustmentId('test', `facts ${n}`));
  for (const id of ids) assert.match(id, /^mtr_event_adj_test_[0-9A-Za-z]{24}$/);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(adjustmentId('test', 'facts 7'), ids[7]);
  assert.match(adjustmentId('live', 'facts 7'), /^mtr_event_adj_[0-9A-Za-z]{24}$/);
});
