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
    newSecretKey('live').replace('sk', 'rk'),
    `whsec_${newSessionToken().slice(-32)}`,
  ];
  for (const secret of secrets) {
    const line = toSafeLine(JSON.stringify({ message: `no such thing: '${secret}'.` }));
    const { message } = JSON.parse(line) as { message: string };
    assert.match(message, /^no such thing: '\w*\*{4}\w{4}'\.$/u);
    assert.ok(!line.includes(secret.slice(-20)), 'all but the last four characters');
  }
});
