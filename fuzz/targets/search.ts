import assert from 'node:assert/strict';
import { parseSearchQuery, type SearchQuery } from '../../src/domain/customers/search-query.ts';
import { neededTerms, termsOf, toMatcher } from '../../src/domain/customers/search.ts';
import { corpusOf } from '../corpus.ts';
import { type Target } from '../target.ts';

const CUSTOMER = {
  createdS: 1_620_310_503,
  email: 'amy@rocketrides.io',
  name: 'Amy "One" Two',
  phone: '+19999999999',
  metadata: new Map([['key', "it's"]]),
};
const TERMS = termsOf(CUSTOMER).map(({ field, term }) => `${field} ${term}`);

/** Queries of a search: read and written again they are the same, and the index hides nothing that they find. */
export const search: Target<SearchQuery> = {
  name: 'search',
  ...corpusOf('search'),
  lengthMax: 5_000,
  read: parseSearchQuery,
  check: (input, query) => {
    assert.deepEqual(parseSearchQuery(written(query)), query);
    const isFound = toMatcher(query)(CUSTOMER);
    if (isFound) {
      for (const { field, term } of neededTerms(query)) {
        assert.ok(TERMS.includes(`${field} ${term}`), input);
      }
    }
    const [first] = query.clauses;
    return `${query.join} ${Math.min(query.clauses.length, 3)} ${first?.field} ${first?.operator} ${isFound}`;
  },
};

function written({ join, clauses }: SearchQuery): string {
  const quoted = (text: string): string => `'${text.replaceAll(/['\\]/gu, String.raw`\$&`)}'`;
  const each = clauses.map((clause) => {
    const key = clause.field === 'metadata' ? `[${quoted(clause.key)}]` : '';
    const value = clause.value === null ? 'null' : quoted(String(clause.value));
    return `${clause.isNegated ? '-' : ''}${clause.field}${key}${clause.operator}${value}`;
  });
  return each.join(join === 'and' ? ' AND ' : ' or ');
}
