import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { neededTerms, termsOf, toMatcher, type Searchable } from './search.ts';
import { parseSearchQuery, type Clause, type SearchQuery } from './search-query.ts';

const NOBODY: Searchable = {
  createdS: 100,
  email: null,
  name: null,
  phone: null,
  metadata: new Map(),
};

const finds = (query: string, fields: Partial<Searchable>): boolean =>
  toMatcher(parseSearchQuery(query))({ ...NOBODY, ...fields });

test('a text is found by its words, whole and in order, in either case', () => {
  for (const [query, name, isFound] of [
    [`name:"one two three"`, 'one two three', true],
    [`name:"one two three"`, 'One  TWO three four', true],
    [`name:"two three"`, 'one two three', true],
    [`name:"one three"`, 'one two three', false],
    [`name:"two one"`, 'one two three', false],
    [`name:"on"`, 'one two three', false],
    [`name:"one"`, null, false],
    [`name:"οδυσσεύς"`, 'ΟΔΥΣΣΕΎΣ', true],
    [`name~"ΔΥΣ"`, 'Οδυσσεύς', true],
    [`name:"straße"`, 'STRASSE', true],
  ] as const) {
    assert.equal(finds(query, { name }), isFound, `${query} in ${name}`);
  }
  assert.ok(finds(`email:'AMY@x.io'`, { email: 'amy@X.io' }));
  assert.ok(!finds(`email:'amy@x.io'`, { email: 'tamy@x.io' }), 'an email is one word');
});

test('metadata is compared as a whole', () => {
  const metadata = new Map([['Plan', 'Gold Plus']]);
  assert.ok(finds(`metadata['Plan']:'gold plus'`, { metadata }));
  assert.ok(!finds(`metadata['Plan']:'gold'`, { metadata }));
  assert.ok(!finds(`metadata['plan']:'gold plus'`, { metadata }), 'keys are exact');
  assert.ok(finds(`-metadata['Plan']:null metadata['x']:null`, { metadata }));
});

// Few values, so that clauses and customers meet.
const WORDS = ['amy', 'Amy', 'AMYTHYST', 'b@x.io', 'bob', 'Σίσυφος', 'x'] as const;
const text = fc
  .array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 })
  .map((words) => words.join(' '));
const orNull = fc.option(text, { freq: 3 });
const KEYS = ['k', 'K', '__proto__', `it's "it"`] as const;
const customer: fc.Arbitrary<Searchable> = fc.record({
  createdS: fc.integer({ min: 0, max: 4 }),
  email: orNull,
  name: orNull,
  phone: orNull,
  metadata: fc
    .array(fc.tuple(fc.constantFrom(...KEYS), text), { maxLength: 3 })
    .map((pairs) => new Map(pairs)),
});
const isNegated = fc.boolean();
const part = text.filter((sent) => sent.length >= 3);
const clause: fc.Arbitrary<Clause> = fc.oneof(
  fc.record({
    field: fc.constantFrom('email', 'name', 'phone'),
    operator: fc.constant(':'),
    value: orNull,
    isNegated,
  }),
  fc.record({
    field: fc.constantFrom('email', 'name', 'phone'),
    operator: fc.constant('~'),
    value: part,
    isNegated,
  }),
  fc.record({
    field: fc.constant('metadata'),
    key: fc.constantFrom(...KEYS),
    operator: fc.constant(':'),
    value: orNull,
    isNegated,
  }),
  fc.record({
    field: fc.constant('created'),
    operator: fc.constantFrom(':', '>', '<', '>=', '<='),
    value: fc.integer({ min: 0, max: 4 }),
    isNegated,
  }),
);
const query: fc.Arbitrary<SearchQuery> = fc.record({
  join: fc.constantFrom('and', 'or'),
  clauses: fc.array(clause, { minLength: 1, maxLength: 4 }),
});

function written({ join, clauses }: SearchQuery): string {
  const quoted = (value: string): string => `"${value.replaceAll(/["\\]/gu, String.raw`\$&`)}"`;
  const each = clauses.map((one) => {
    const key = one.field === 'metadata' ? `[${quoted(one.key)}]` : '';
    const value =
      one.value === null ? 'null' : typeof one.value === 'number' ? one.value : quoted(one.value);
    return `${one.isNegated ? '-' : ''}${one.field}${key}${one.operator}${value}`;
  });
  return each.join(join === 'and' ? ' ' : ' OR ');
}

/** The page of Stripe, word by word, and nothing else. */
function oracle({ join, clauses }: SearchQuery, found: Searchable): boolean {
  const holds = (one: Clause): boolean => {
    if (one.field === 'created') {
      const { createdS } = found;
      const value = one.value ?? NaN;
      if (one.operator === ':') return createdS === value;
      if (one.operator.includes('=') && createdS === value) return true;
      return one.operator.startsWith('>') ? createdS > value : createdS < value;
    }
    const field =
      one.field === 'metadata' ? (found.metadata.get(one.key) ?? null) : found[one.field];
    if (field === null || one.value === null) return field === one.value;
    const [there, sought] = [field.toUpperCase(), one.value.toUpperCase()];
    if (one.field === 'metadata') return there === sought;
    if (one.operator === '~') return there.includes(sought);
    const words = there.split(' ');
    const few = sought.split(' ');
    return words.some((_, from) => few.every((word, n) => words[from + n] === word));
  };
  const answers = clauses.map((one) => holds(one) !== one.isNegated);
  return join === 'and' ? !answers.includes(false) : answers.includes(true);
}

test('a search finds what its query says, and the index that it begins with hides nothing', () => {
  let found = 0;
  fc.assert(
    fc.property(query, fc.array(customer, { maxLength: 5 }), (drawn, customers) => {
      const parsed = parseSearchQuery(written(drawn));
      // One clause alone is joined by neither.
      const clauses = drawn.clauses.map((each) => ({ ...each }));
      assert.deepEqual(parsed.clauses, clauses, written(drawn));
      for (const one of customers) {
        const isFound = toMatcher(parsed)(one);
        assert.equal(isFound, oracle(drawn, one), written(drawn));
        if (!isFound) continue;
        found += 1;
        const has = termsOf(one).map(({ field, term }) => `${field} ${term}`);
        for (const { field, term } of neededTerms(parsed)) {
          assert.ok(has.includes(`${field} ${term}`), `${written(drawn)}: ${field} ${term}`);
        }
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(found > 500, 'clauses and customers meet');
});

test('each term of a customer is there once', () => {
  const { createdS: _, ...texts } = {
    ...NOBODY,
    name: 'a A b',
    email: 'a',
    metadata: new Map([['k', 'A b']]),
  };
  assert.deepEqual(termsOf(texts), [
    { field: 'email', term: 'A' },
    { field: 'name', term: 'A' },
    { field: 'name', term: 'B' },
    { field: 'metadata[k]', term: 'A B' },
  ]);
});
