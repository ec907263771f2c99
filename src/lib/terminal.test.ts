import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toTerminal } from './terminal.ts';

const OBEYED = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

test('no character that a terminal obeys is left, and all others are as they were', () => {
  const text = fc.string({ unit: 'binary', maxLength: 50 });
  fc.assert(
    fc.property(text, (said) => {
      const shown = toTerminal(said);
      assert.doesNotMatch(shown, OBEYED);
      const codes = (all: string): string =>
        all.replaceAll(
          /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
          (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
      assert.equal(shown, codes(said));
    }),
  );
});

test('every one of them is written out', () => {
  for (let code = 0; code < 0x1_00_00; code += 1) {
    const character = String.fromCharCode(code);
    const isObeyed = OBEYED.test(character);
    const shown = isObeyed ? `\\u${code.toString(16).padStart(4, '0')}` : character;
    assert.equal(toTerminal(character), shown);
  }
});
