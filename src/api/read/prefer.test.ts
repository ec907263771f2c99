import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preferredHandling, prefersRepresentation } from './prefer.ts';

test('no preference is none', () => {
  assert.equal(prefersRepresentation({}), false);
});

for (const prefer of [
  'return=representation',
  'Return = Representation',
  'return="representation"',
  'return\t=\trepresentation',
  'respond-async, return=representation',
  'respond-async,return=representation,wait=10',
  'return=representation; depth=1',
  'foo; bar="a, b; c", return=representation',
  'foo="\\", return=minimal", return=representation',
  ', ,return=representation',
  'return=representation, return=minimal',
]) {
  test(`wanted: ${prefer}`, () => {
    assert.equal(prefersRepresentation({ prefer }), true);
  });
}

for (const prefer of [
  '',
  ',',
  '"',
  'return',
  'return=',
  'return=""',
  'return;=representation',
  'return; x=representation',
  'return=minimal',
  'return=minimal, return=representation',
  'return, return=representation',
  'return=representations',
  'return=representation x',
  'return=representation x, return=representation',
  'return="representation',
  'noreturn=representation',
  'return-all=representation',
  'representation',
  'foo; return=representation',
  'foo="x, return=representation"',
  'foo="x\\", return=representation, "',
]) {
  test(`not wanted: ${prefer}`, () => {
    assert.equal(prefersRepresentation({ prefer }), false);
  });
}

const HANDLING: readonly (readonly [string, 'lenient' | 'strict' | undefined])[] = [
  ['handling=lenient', 'lenient'],
  ['Handling="Strict"; x=1', 'strict'],
  ['return=representation, handling=lenient', 'lenient'],
  ['handling=strict, handling=lenient', 'strict'],
  ['handling=loose, handling=lenient', undefined],
  ['handling', undefined],
  ['lenient', undefined],
  ['x="handling=lenient"', undefined],
];
for (const [prefer, handling] of HANDLING) {
  test(`how strict the server should be: ${prefer}`, () => {
    assert.equal(preferredHandling({ prefer }), handling);
  });
}

test('16 KB of quotes and backslashes, which no header exceeds, are read in one pass', () => {
  for (const piece of ['"', '\\', '"\\', '\\"', '",', '"\\",']) {
    assert.equal(prefersRepresentation({ prefer: piece.repeat(16_384 / piece.length) }), false);
  }
});
