import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bareOrQuoted, charactersIn, escapeInvisible, isLonger, quoted } from './characters.ts';

test('a character is a code point, whatever it takes in UTF-16 or in bytes', () => {
  assert.deepEqual(['', 'abc', 'é', '🚕🚕', 'e\u0301'].map(charactersIn), [0, 3, 1, 2, 2]);
});

test('a text is longer than so many characters when it has more of them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), fc.nat(20), (text, max) => {
      assert.equal(isLonger(text, max), Array.from(text).length > max);
    }),
  );
});

test('what cannot be seen is escaped, and what can be seen stays', () => {
  for (const [text, escaped] of [
    ['5 x', '5 x'],
    ['5\u00a0', String.raw`5\u00a0`],
    ['\u200b\ufeff\u2060', String.raw`\u200b\ufeff\u2060`],
    ['a\tb\nc\u0000', String.raw`a\u0009b\u000ac\u0000`],
    ['\u2028\u3000\u3164\u2800', String.raw`\u2028\u3000\u3164\u2800`],
    ['\u202e5', String.raw`\u202e5`],
    ['\ud83d', String.raw`\ud83d`],
    ['\u{e0041}', String.raw`\u{e0041}`],
    ['héllo 東京 🚕 𝟓', 'héllo 東京 🚕 𝟓'],
  ] as const) {
    assert.equal(escapeInvisible(text), escaped);
    assert.equal(escapeInvisible(escaped), escaped, 'and once is enough');
  }
});

test('in quotes, blanks at the ends are seen, and quotes of its own are no end', () => {
  assert.equal(quoted('5 '), '"5 "');
  assert.equal(quoted(''), '""');
  assert.equal(quoted('a"b\\'), String.raw`"a\"b\\"`);
  assert.equal(quoted('\u00a05'), String.raw`"\u00a05"`);
  assert.equal(quoted('x'.repeat(1000)), `"${'x'.repeat(200)}…"`);
});

test('a plain text stays bare, any other is quoted', () => {
  assert.equal(bareOrQuoted('1.5 x'), '1.5 x');
  assert.equal(bareOrQuoted(' 1'), '" 1"');
  assert.equal(bareOrQuoted(''), '""');
  assert.equal(bareOrQuoted('1\u200b'), String.raw`"1\u200b"`);
});

test('what is shown can be encoded, and is short', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
      for (const show of [quoted, bareOrQuoted]) {
        assert.ok(show(text).isWellFormed());
        assert.ok(show(text).length <= 203);
      }
    }),
  );
});
