import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../errors.ts';
import { parseSearchQuery, type Clause } from './search-query.ts';

function refusalOf(query: string): string {
  try {
    parseSearchQuery(query);
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    assert.deepEqual([error.reason, error.param], ['parameter_invalid', 'query']);
    return error.message;
  }
  return assert.fail(`not refused: ${query}`);
}

const clausesOf = (query: string): readonly Clause[] => parseSearchQuery(query).clauses;

test('the examples of Stripe’s page', () => {
  const plain = { isNegated: false, operator: ':' };
  assert.deepEqual(parseSearchQuery(`email:"amy@rocketrides.io" metadata["key"]:"value"`), {
    join: 'and',
    clauses: [
      { ...plain, field: 'email', value: 'amy@rocketrides.io' },
      { ...plain, field: 'metadata', key: 'key', value: 'value' },
    ],
  });
  for (const [query, clause] of [
    [`email:'sally@rocketrides.io'`, { field: 'email', value: 'sally@rocketrides.io' }],
    [
      `-email:"amy@rocketrides.io"`,
      { field: 'email', value: 'amy@rocketrides.io', isNegated: true },
    ],
    [`email~"amyt"`, { field: 'email', operator: '~', value: 'amyt' }],
    ['created>1620310503', { field: 'created', operator: '>', value: 1620310503 }],
    ['created>="10"', { field: 'created', operator: '>=', value: 10 }],
    [`phone:"+19999999999"`, { field: 'phone', value: '+19999999999' }],
    ['phone:19999999999', { field: 'phone', value: '19999999999' }],
    [
      `-metadata["donation-id"]:null`,
      { field: 'metadata', key: 'donation-id', value: null, isNegated: true },
    ],
    ['name:NULL', { field: 'name', value: null }],
    [String.raw`name:"called \"The Sky\""`, { field: 'name', value: 'called "The Sky"' }],
    [
      String.raw`name:'O\'Neil C:\dir \\'`,
      { field: 'name', value: String.raw`O'Neil C:\dir ${'\\'}` },
    ],
  ] as const) {
    assert.deepEqual(clausesOf(query), [{ ...plain, ...clause }], query);
  }
});

test('AND and OR in any case, a space is an AND; spaces do not matter otherwise', () => {
  const clauses = clausesOf(`name:'a' name:'b'`);
  for (const [query, join] of [
    [`name:'a' AND name:'b'`, 'and'],
    [`  name:'a'   and\tname : 'b' `, 'and'],
    [`name:'a' OR name:'b'`, 'or'],
    [`name:'a'\nor name:'b'`, 'or'],
  ] as const) {
    assert.deepEqual(parseSearchQuery(query), { join, clauses }, query);
  }
  assert.deepEqual(clausesOf(`name:'and' AND name:'or'`).length, 2);
});

test('a refusal says what is wrong, and where', () => {
  const parse = 'We were unable to parse your search query: ';
  for (const [query, start] of [
    ['   ', `${parse}it is empty, at its end.`],
    ['name', `${parse}: or ~ should follow the field name, at its end.`],
    ['name:', `${parse}a value in quotes should stand there, at its end.`],
    ['name:Jane', `${parse}a value in quotes should stand there, at character 6, before \`Jane\`.`],
    [`name:'Jane`, `${parse}the quote does not end, at character 6, before \`'Jane\`.`],
    [`name:''`, `${parse}the value is empty; use null for customers without one, at character 6`],
    [`name~'ab'`, `${parse}~ takes 3 characters or more, at character 6`],
    [`name~'🚕🚕'`, `${parse}~ takes 3 characters or more, at character 6`],
    [`name~null`, `${parse}null takes :, not ~, at character 6`],
    [`name>'a'`, `${parse}the field name takes : or ~, not >, at character 5`],
    [`name='a'`, `${parse}the field name takes : or ~, not =, at character 5`],
    [`metadata['a']~'abc'`, `${parse}the field metadata takes :, not ~, at character 14`],
    [`metadata:'a'`, `${parse}metadata takes a key, as metadata['key'], at character 9`],
    [`metadata[a]:'a'`, `${parse}the key should stand in quotes, at character 10`],
    [`metadata['a':'b'`, `${parse}a ] should follow the key, at character 13`],
    [`created:'today'`, `${parse}a time in whole seconds should stand there, at character 9`],
    ['created>1.5', `${parse}a time in whole seconds should stand there, at character 9`],
    [
      'created~123',
      `${parse}the field created takes : or > or < or >= or <=, not ~, at character 8`,
    ],
    [`name:'a' AND`, `${parse}a field should stand there, at its end.`],
    [
      `name:'a' AND OR name:'b'`,
      'Field `OR` is an unsupported search field for resource `customers`, at character 14',
    ],
    [
      `name:'a' OR name:'b' AND name:'c'`,
      `${parse}AND and OR cannot be combined, and a space is an AND, at character 26`,
    ],
    [`name:'a' OR name:'b' name:'c'`, `${parse}AND and OR cannot be combined`],
    [`name:'a'name:'b'`, `${parse}a space, AND or OR should follow the value, at character 9`],
    [`(name:'a')`, `${parse}a field should stand there, at character 1, before \`(name:'a')\`.`],
    [
      `nmae:'a'`,
      'Field `nmae` is an unsupported search field for resource `customers`, at character 1',
    ],
    [`__proto__:'a'`, 'Field `__proto__` is an unsupported search field'],
  ] as const) {
    assert.equal(refusalOf(query).slice(0, start.length), start, query);
  }
  const many = Array.from({ length: 51 }, () => `name:'a'`);
  assert.match(refusalOf(many.join(' ')), /more than 50 clauses, at character 451/u);
});

test('any text is a query or refused, and the refusal is short', () => {
  const pieces = `name email metadata created : ~ > <= ' " [ ] - AND OR null abc 12 🚕`.split(' ');
  const piece = fc.constantFrom(...pieces, ' ', '\\', '\ud83d', '\0');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (drawn) => {
      const query = drawn.join('').toWellFormed();
      try {
        assert.ok(parseSearchQuery(query).clauses.length > 0);
      } catch (error) {
        assert.ok(error instanceof ApiError, String(error));
        assert.equal(error.param, 'query');
        assert.ok(error.message.isWellFormed() && error.message.length < 400, error.message);
      }
    }),
    { numRuns: 2000 },
  );
});
