import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toText } from './statement.ts';

// Whatever could end a literal, begin a placeholder or a comment, or be read as an escape.
const nasty = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "'",
        '\\',
        '\0',
        '\n',
        '{text:String}',
        '--',
        '/*',
        '$&',
        "\\'",
        ';',
        '`',
        'é',
      ),
      fc.string({ unit: 'binary' }),
    ),
  )
  .map((parts) => parts.join(''));

test('a text enters SQL as hexadecimal digits only, and all of it does', () => {
  fc.assert(
    fc.property(nasty, nasty, (text, other) => {
      const sql = 'SELECT {text:String} IN {texts:Array(String)}';
      const [, one, two, three] =
        /^SELECT '((?:\\x[0-9a-f]{2})*)' IN \['((?:\\x[0-9a-f]{2})*)', '((?:\\x[0-9a-f]{2})*)'\]$/u.exec(
          toText({ sql, params: { text, texts: [text, other] } }),
        ) ?? [];
      const decoded = [one, two, three].map((digits) =>
        Buffer.from(digits?.replaceAll(String.raw`\x`, '') ?? '?', 'hex').toString(),
      );
      assert.deepEqual(decoded, [text, text, other].map(toWellFormed));
    }),
  );
});

test('an integer is written in digits', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (number) => {
      assert.equal(
        toText({ sql: '{a:Integer}+{a:Integer}', params: { a: number } }),
        `${number}+${number}`,
      );
    }),
  );
});

test('a value that is missing or of another type is refused', () => {
  const refused: [string, Parameters<typeof toText>[0]['params']][] = [
    ['{a:String}', {}],
    ['{toString:String}', {}],
    ['{a:String}', { a: 1 }],
    ['{a:String}', { a: ['x'] }],
    ['{a:Array(String)}', { a: 'x' }],
    ['{a:Integer}', { a: '1' }],
    ['{a:Integer}', { a: 0.5 }],
    ['{a:Integer}', { a: 2 ** 53 }],
    ['{a:Integer}', { a: Number.NaN }],
    ['{a:Float64}', { a: 1 }],
  ];
  for (const [sql, params] of refused) {
    assert.throws(
      () => toText({ sql, params }),
      TypeError,
      `${sql} with ${JSON.stringify(params)}`,
    );
  }
});

function toWellFormed(text: string): string {
  return text.toWellFormed();
}
