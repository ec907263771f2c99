import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aKey } from '../../catalog/contract/fixtures.ts';
import { ApiError, type ErrorCode } from '../../domain/errors.ts';
import { newSecretKey } from '../../lib/ids.ts';
import { redact } from '../../lib/redact.ts';
import { authenticate, refuseOtherAccount, secretOf } from './auth.ts';

const SECRET = newSecretKey('test');
const KEY = aKey('key_1', { hint: redact(SECRET), expiresAtMs: 1000 });
const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`;

function refusal(reason: ErrorCode, message: RegExp) {
  return (error: unknown): true => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.reason, reason);
    assert.match(error.message, message);
    assert.ok(!error.message.includes(SECRET));
    return true;
  };
}

test('a secret comes as a Bearer token or as a Basic user name', () => {
  for (const authorization of [
    `Bearer ${SECRET}`,
    `bearer ${SECRET}`,
    `BEARER   ${SECRET} `,
    basic(`${SECRET}:`),
    basic(`${SECRET}:a password`),
    basic(SECRET),
  ]) {
    assert.equal(secretOf(authorization), SECRET, authorization);
  }
});

test('a header without a secret has none, nor has one of one word or of another scheme', () => {
  for (const authorization of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic',
    basic(':a'),
    SECRET,
    'Bearer1',
    'Basic_',
    `Digest ${SECRET}`,
  ]) {
    assert.equal(secretOf(authorization), undefined, authorization);
  }
});

test('a key opens until the millisecond in which it expires', () => {
  assert.equal(authenticate(SECRET, KEY, 999), KEY);
  const expired = refusal('key_expired', /^Expired API Key provided: sk_test_\*{4}\w{4}$/u);
  for (const nowMs of [1000, 1001]) assert.throws(() => authenticate(SECRET, KEY, nowMs), expired);
  const forEver = { ...KEY, expiresAtMs: null };
  assert.equal(authenticate(SECRET, forEver, Number.MAX_SAFE_INTEGER), forEver);
});

test('an unknown key is refused, and not shown', () => {
  const unknown = refusal('key_invalid', /^Invalid API Key provided: sk_test_\*{4}\w{4}$/u);
  assert.throws(() => authenticate(SECRET, undefined, 0), unknown);
});

test("Stripe-Account and Stripe-Context may name the key's own account and no other", () => {
  for (const header of ['stripe-account', 'stripe-context']) {
    refuseOtherAccount({ [header]: 'acct_one' }, KEY);
    for (const account of ['acct_2', '', 'acct_one/live', 'acct_one/test']) {
      assert.throws(
        () => refuseOtherAccount({ [header]: account }, KEY),
        refusal('account_invalid', /does not have access/u),
      );
    }
  }
});
