import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newRestrictedKey, newSecretKey, newSessionToken } from './ids.ts';
import { redact, redactSecrets } from './redact.ts';

test('a redacted key shows its kind, and at most four characters of at least sixteen', () => {
  assert.equal(redact('sk_test_0123456789abcdef'), 'sk_test_****cdef');
  assert.equal(redact('rk_live_0123456789abcde'), 'rk_live_****');
  assert.equal(redact('sk_test_'), 'sk_test_****');
  assert.equal(redact('secret'), '****');
  assert.equal(redact(''), '****');
  // Basic auth carries any text: an answer that repeats half a character of it could not be encoded.
  assert.equal(redact('sk_test_0123456789abcdef\u{12345}abc'), 'sk_test_****\ufffdabc');
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

test('every secret in a text is redacted, wherever it stands; what is none stays', () => {
  const secrets = [
    newSecretKey('live'),
    newRestrictedKey('test'),
    newSessionToken(),
    'sk_test_of.the-environment~22_',
  ];
  for (const secret of secrets) {
    const text = `No such customer: '${secret}' ("${secret}",${secret}) /${secret}?a=${secret}`;
    const shown = redactSecrets(text);
    assert.equal(shown, text.replaceAll(secret, redact(secret)));
    assert.ok(!shown.includes(secret.slice(0, -4)));
  }
  for (const text of [
    '',
    'sk_test_****abcd',
    'task_test_0123456789abcdef',
    'token_1',
    'key_0123456789abcdef',
  ]) {
    assert.equal(redactSecrets(text), text);
  }
});
