import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError, type ErrorCode } from '../errors.ts';
import { newSecretKey } from '../ids.ts';
import type { Namespace } from '../namespace.ts';
import { authenticate, hashSecret, redact } from './auth.ts';

const NAMESPACE: Namespace = 'acct_1/test';
const SECRET = newSecretKey('test');
const known = (sha256: string) => (sha256 === hashSecret(SECRET) ? NAMESPACE : undefined);
const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`;

function refusal(reason: ErrorCode) {
  return (error: unknown): true => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.reason, reason);
    assert.ok(!error.message.includes(SECRET));
    return true;
  };
}

test('a key opens its namespace as a Bearer token and as a Basic user name', () => {
  for (const authorization of [
    `Bearer ${SECRET}`,
    `bearer ${SECRET}`,
    `BEARER   ${SECRET} `,
    basic(`${SECRET}:`),
    basic(`${SECRET}:a password`),
    basic(SECRET),
  ]) {
    assert.equal(authenticate({ authorization }, known), NAMESPACE, authorization);
  }
});

test('without a key the request is refused as having none', () => {
  for (const authorization of [undefined, '', 'Bearer', 'Bearer ', 'Basic', basic(':a'), SECRET]) {
    assert.throws(
      () => authenticate(authorization === undefined ? {} : { authorization }, known),
      refusal('key_missing'),
      authorization,
    );
  }
  assert.throws(
    () => authenticate({ authorization: `Digest ${SECRET}` }, known),
    refusal('key_missing'),
  );
});

test('a header of one word has no key, whatever the word', () => {
  for (const authorization of ['Bearer1', 'Basic_']) {
    assert.throws(() => authenticate({ authorization }, known), refusal('key_missing'));
  }
});

test('another key is refused, and not shown', () => {
  const other = newSecretKey('live');
  for (const authorization of [`Bearer ${other}`, basic(`${other}:`), `Bearer ${SECRET}x`]) {
    assert.throws(() => authenticate({ authorization }, known), refusal('key_invalid'));
  }
  assert.throws(
    () => authenticate({ authorization: `Bearer ${other}` }, known),
    (error: ApiError) => !error.message.includes(other) && error.message.includes('sk_live_****'),
  );
});

test("Stripe-Account may name the key's own account and no other", () => {
  const authorization = `Bearer ${SECRET}`;
  const asked = (account: string) => ({ authorization, 'stripe-account': account });
  assert.equal(authenticate(asked('acct_1'), known), NAMESPACE);
  for (const account of ['acct_2', '', 'acct_1/live', 'acct_1/test']) {
    assert.throws(() => authenticate(asked(account), known), refusal('account_invalid'));
  }
});

test('a redacted key shows its kind, and at most four characters of at least sixteen', () => {
  assert.equal(redact('sk_test_0123456789abcdef'), 'sk_test_****cdef');
  assert.equal(redact('rk_live_0123456789abcde'), 'rk_live_****');
  assert.equal(redact('sk_test_'), 'sk_test_****');
  assert.equal(redact('secret'), '****');
  assert.equal(redact(''), '****');
});

test('no redacted key is the key, or tells enough of it to guess the rest', () => {
  const key = fc
    .tuple(fc.constantFrom('', 'sk_test_', 'sk_live_', 'pk_test_', 'sk_other_'), fc.string())
    .map(([kind, rest]) => kind + rest);
  fc.assert(
    fc.property(key, (secret) => {
      const shown = redact(secret);
      const kind = /^[a-z]{2}_(?:test|live)_/.exec(secret)?.[0] ?? '';
      assert.ok(shown.startsWith(`${kind}****`));
      const tail = shown.slice(kind.length + 4);
      assert.ok(tail.length === 0 || tail.length <= (secret.length - kind.length) / 4);
      assert.ok(secret.endsWith(tail));
    }),
  );
});
