import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newSecretKey, newSessionToken } from './ids.ts';
import { toSafeLine } from './log.ts';

test('a line stays the same JSON, and has no character that a terminal obeys', () => {
  const text = fc.string({ unit: 'binary', maxLength: 50 });
  fc.assert(
    fc.property(text, (message) => {
      const line = toSafeLine(JSON.stringify({ message }));
      assert.deepEqual(JSON.parse(line), { message });
      assert.doesNotMatch(line, /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
    }),
  );
});

test('a secret that came in some text is cut', () => {
  const secrets = [
    newSecretKey('live'),
    newSecretKey('test'),
    newSessionToken(),
    'rk_live_0123456789',
    'whsec_0123456789',
  ];
  for (const secret of secrets) {
    const line = toSafeLine(JSON.stringify({ message: `no such thing: '${secret}'.` }));
    const [prefix] = /^(?:.*?_(?:live_|test_)|[a-z]+_)/u.exec(secret) ?? [];
    assert.deepEqual(JSON.parse(line), { message: `no such thing: '${prefix}…'.` });
  }
});
