import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { holdsMoreThan } from './json-size.ts';

/** Enough white space for the text to be looked at. */
const PADDING = ' '.repeat(64 * 1024);

function holds(text: string, max: number): boolean {
  return holdsMoreThan(Buffer.from(PADDING + text), max);
}

function valuesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, inner) => sum + valuesOf(inner), 1);
}

test('no JSON of more values passes, whatever stands in its texts', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const count = valuesOf(value);
      // Names that are sent twice and empty brackets make the bound higher, never lower.
      assert.ok(holds(JSON.stringify(value), count - 1));
    }),
  );
});

test('commas and brackets in texts are no values', () => {
  for (const text of [',,[{', '",,[[', '\\",,', '\\', '\\\\",[{', '🚕,']) {
    const list = JSON.stringify([text, { [text]: text }]);
    assert.ok(!holds(list, 4), list);
    assert.ok(holds(list, 3), list);
  }
});

test('what stops in mid-text counts up to there', () => {
  for (const text of ['[1,"', '[1,"\\', '[1,"\\"', '["a",']) assert.ok(!holds(text, 3), text);
});

test('a short text is not looked at', () => {
  assert.ok(!holdsMoreThan(Buffer.from('[1,1,1]'), 1));
});
