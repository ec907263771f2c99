/** Which customers a search finds. Pure: what a store does by an index must find the same. */
import type { Customer } from './customer.ts';
import type { Clause, SearchQuery, TextField } from './search-query.ts';

export type Searchable = Pick<Customer, 'createdS' | 'email' | 'name' | 'phone' | 'metadata'>;

/**
 * Whether a customer is found. Letters count in either case. `:` on a text finds those that have all its words, one after
 * the other, among theirs (Stripe: docs/search, the type `string`), so an email is found as a whole; on metadata it compares
 * whole values. `~` finds any part of a text.
 */
export function toMatcher({ join, clauses }: SearchQuery): (customer: Searchable) => boolean {
  const tests = clauses.map(toTest);
  if (join === 'or') return (customer) => tests.some((test) => test(customer));
  return (customer) => tests.every((test) => test(customer));
}

/** A word of a text, or a value of metadata: what an index of customers is made of. Each once. */
export type Term = { readonly field: string; readonly term: string };

export function termsOf(customer: Omit<Searchable, 'createdS'>): readonly Term[] {
  const terms: Term[] = [];
  for (const field of TEXT_FIELDS) {
    for (const term of new Set(wordsOf(customer[field] ?? ''))) terms.push({ field, term });
  }
  for (const [key, value] of customer.metadata) {
    terms.push({ field: metadataField(key), term: fold(value) });
  }
  return terms;
}

/**
 * Terms each of which every customer that the query finds has; none when there is no such term, and all customers have
 * to be looked at.
 */
export function neededTerms({ join, clauses }: SearchQuery): readonly Term[] {
  if (join === 'or' && clauses.length > 1) return [];
  return clauses.flatMap((clause) => {
    if (clause.isNegated || clause.field === 'created' || clause.value === null) return [];
    if (clause.field === 'metadata') {
      return [{ field: metadataField(clause.key), term: fold(clause.value) }];
    }
    if (clause.operator === '~') return [];
    return wordsOf(clause.value).map((term) => ({ field: clause.field, term }));
  });
}

const TEXT_FIELDS = ['email', 'name', 'phone'] as const satisfies readonly TextField[];

function toTest(clause: Clause): (customer: Searchable) => boolean {
  const test = toPositiveTest(clause);
  return clause.isNegated ? (customer) => !test(customer) : test;
}

function toPositiveTest(clause: Clause): (customer: Searchable) => boolean {
  switch (clause.field) {
    case 'created': {
      const { value, operator } = clause;
      return ({ createdS }) => value !== null && COMPARE[operator](createdS, value);
    }
    case 'metadata': {
      const { key } = clause;
      if (clause.value === null) return ({ metadata }) => !metadata.has(key);
      const value = fold(clause.value);
      return ({ metadata }) => {
        const found = metadata.get(key);
        return found !== undefined && fold(found) === value;
      };
    }
    case 'email':
    case 'name':
    case 'phone':
      return toTextTest(clause.field, clause.operator, clause.value);
  }
}

function toTextTest(
  field: TextField,
  operator: ':' | '~',
  value: string | null,
): (customer: Searchable) => boolean {
  if (value === null) return (customer) => customer[field] === null;
  if (operator === '~') {
    const part = fold(value);
    return (customer) => fold(customer[field] ?? '').includes(part);
  }
  const phrase = ` ${wordsOf(value).join(' ')} `;
  return (customer) => ` ${wordsOf(customer[field] ?? '').join(' ')} `.includes(phrase);
}

const COMPARE = {
  ':': (a: number, b: number) => a === b,
  '>': (a: number, b: number) => a > b,
  '<': (a: number, b: number) => a < b,
  '>=': (a: number, b: number) => a >= b,
  '<=': (a: number, b: number) => a <= b,
} as const;

function metadataField(key: string): string {
  return `metadata[${key}]`;
}

/** What stands between white space. */
function wordsOf(text: string): readonly string[] {
  return fold(text)
    .split(/\s+/u)
    .filter((word) => word !== '');
}

/** Upper case, which unlike lower case (the final sigma) does not depend on what stands around a letter. */
function fold(text: string): string {
  return text.toUpperCase();
}
