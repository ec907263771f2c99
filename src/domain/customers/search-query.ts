/**
 * Stripe's search query language (docs: search) for customers, as a tree: clauses of a field, an operator and a value,
 * joined by AND (also by a space) or by OR, never by both. What Stripe says of no query is decided here: spaces around an
 * operator do not matter; a backslash escapes a quote or itself, and stands for itself before anything else.
 */
import { escapeInvisible } from '../characters.ts';
import { ApiError } from '../errors.ts';

export type SearchQuery = {
  readonly join: 'and' | 'or';
  readonly clauses: readonly Clause[];
};

/** `value` null asks for customers without a value. */
export type Clause = TextClause | MetadataClause | CreatedClause;
export type TextClause = {
  readonly field: TextField;
  readonly operator: ':' | '~';
  readonly value: string | null;
  readonly isNegated: boolean;
};
export type MetadataClause = {
  readonly field: 'metadata';
  readonly key: string;
  readonly operator: ':';
  readonly value: string | null;
  readonly isNegated: boolean;
};
export type CreatedClause = {
  readonly field: 'created';
  readonly operator: ':' | '>' | '<' | '>=' | '<=';
  /** In seconds. */
  readonly value: number | null;
  readonly isNegated: boolean;
};
export type TextField = 'email' | 'name' | 'phone';

/** A bound for the work that each customer is (promise P10). */
const CLAUSES_MAX = 50;
/** Stripe: 3 characters at least. */
const TOO_SHORT = /^.{0,2}$/su;

const OPERATORS = {
  created: [':', '>', '<', '>=', '<='],
  email: [':', '~'],
  metadata: [':'],
  name: [':', '~'],
  phone: [':', '~'],
} as const satisfies Record<Clause['field'], readonly Clause['operator'][]>;
const FIELDS = Object.keys(OPERATORS).join(', ');

const SPACE = /\s*/uy;
const FIELD = /[\w.]+/uy;
const JOIN = /(?:and|or)(?![\w.])/iuy;
const OPERATOR = /[:~=]|[<>]=?/uy;
const NULL = /null(?![\w.])/iuy;
const DIGITS = /\d+(?![\w.])/uy;
const QUOTED = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/suy;

/** Throws `parameter_invalid` (param `query`) that says what is wrong with the query, and where. */
export function parseSearchQuery(text: string): SearchQuery {
  return new Reader(text).query();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  query(): SearchQuery {
    this.#take(SPACE);
    if (this.#isAtEnd()) throw this.#wrong('it is empty');
    const clauses = [this.#clause()];
    let join: SearchQuery['join'] | undefined;
    while (!this.#isAtEnd()) {
      const next = this.#join();
      join ??= next;
      if (next !== join) throw this.#wrong('AND and OR cannot be combined, and a space is an AND');
      if (clauses.length === CLAUSES_MAX) throw this.#wrong(`more than ${CLAUSES_MAX} clauses`);
      clauses.push(this.#clause());
    }
    return { join: join ?? 'and', clauses };
  }

  #join(): SearchQuery['join'] {
    if (this.#take(SPACE) === '') throw this.#wrong('a space, AND or OR should follow the value');
    const join = this.#take(JOIN)?.toLowerCase();
    if (join !== undefined) this.#take(SPACE);
    return join === 'or' ? 'or' : 'and';
  }

  #clause(): Clause {
    const isNegated = this.#take(/-/uy) !== undefined;
    const start = this.#at;
    const field = this.#take(FIELD) ?? '';
    if (!isField(field)) {
      this.#at = start;
      throw field === '' ? this.#wrong('a field should stand there') : this.#unsupported(field);
    }
    if (field === 'metadata') {
      const key = this.#metadataKey();
      this.#operator(field);
      return { field, key, operator: ':', value: this.#textValue(':'), isNegated };
    }
    const operator = this.#operator(field);
    if (field === 'created') {
      return {
        field,
        operator: operator as CreatedClause['operator'],
        value: this.#numberValue(operator),
        isNegated,
      };
    }
    const value = this.#textValue(operator);
    return { field, operator: operator as TextClause['operator'], value, isNegated };
  }

  #metadataKey(): string {
    if (this.#take(/\[/uy) === undefined)
      throw this.#wrong("metadata takes a key, as metadata['key']");
    const quoted = this.#take(QUOTED);
    if (quoted === undefined) throw this.#wrong('the key should stand in quotes');
    if (this.#take(/\]/uy) === undefined) throw this.#wrong('a ] should follow the key');
    return unquote(quoted);
  }

  #operator(field: Clause['field']): Clause['operator'] {
    this.#take(SPACE);
    const start = this.#at;
    const sent = this.#take(OPERATOR);
    const allowed: readonly Clause['operator'][] = OPERATORS[field];
    const operator = allowed.find((each) => each === sent);
    if (operator !== undefined) {
      this.#take(SPACE);
      return operator;
    }
    this.#at = start;
    const choice = allowed.join(' or ');
    if (sent === undefined) throw this.#wrong(`${choice} should follow the field ${field}`);
    throw this.#wrong(`the field ${field} takes ${choice}, not ${sent}`);
  }

  #textValue(operator: Clause['operator']): string | null {
    const start = this.#at;
    if (this.#null(operator)) return null;
    const quoted = this.#take(QUOTED);
    const value = quoted === undefined ? this.#take(DIGITS) : unquote(quoted);
    if (value === undefined) {
      const isOpen = /['"]/u.test(this.#text.charAt(this.#at));
      throw this.#wrong(isOpen ? 'the quote does not end' : 'a value in quotes should stand there');
    }
    if (operator === '~' && TOO_SHORT.test(value)) {
      this.#at = start;
      throw this.#wrong('~ takes 3 characters or more');
    }
    if (value.trim() === '') {
      this.#at = start;
      throw this.#wrong('the value is empty; use null for customers without one');
    }
    return value;
  }

  #numberValue(operator: Clause['operator']): number | null {
    const start = this.#at;
    if (this.#null(operator)) return null;
    const quoted = this.#take(QUOTED);
    const digits = quoted === undefined ? this.#take(DIGITS) : unquote(quoted);
    if (digits !== undefined && /^\d{1,15}$/u.test(digits)) return Number(digits);
    this.#at = start;
    throw this.#wrong('a time in whole seconds should stand there');
  }

  #null(operator: Clause['operator']): boolean {
    const start = this.#at;
    if (this.#take(NULL) === undefined) return false;
    if (operator === ':') return true;
    this.#at = start;
    throw this.#wrong(`null takes :, not ${operator}`);
  }

  #isAtEnd(): boolean {
    return this.#text.slice(this.#at).trim() === '';
  }

  /** What the pattern, which is sticky, finds here. */
  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  /** The first words are Stripe's. */
  #wrong(problem: string): ApiError {
    return refusal(
      `We were unable to parse your search query: ${problem}, ${this.#place()}. Try using the format ` +
        '`metadata["key"]:"value"` to query for metadata or `key:"value"` to query for other fields.',
    );
  }

  #unsupported(field: string): ApiError {
    return refusal(
      `Field \`${shown(field)}\` is an unsupported search field for resource \`customers\`, ${this.#place()}. ` +
        `Supported are ${FIELDS}.`,
    );
  }

  #place(): string {
    const rest = this.#text.slice(this.#at);
    if (rest.trim() === '') return 'at its end';
    return `at character ${this.#at + 1}, before \`${shown(rest)}\``;
  }
}

function isField(text: string): text is Clause['field'] {
  return Object.hasOwn(OPERATORS, text);
}

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replaceAll(/\\(['"\\])/gu, '$1');
}

/** A query may be long; what a refusal repeats of it may not. The cut may halve a character. */
function shown(text: string): string {
  const start = escapeInvisible(text.slice(0, 30).toWellFormed());
  return text.length <= 30 ? start : `${start}…`;
}

function refusal(message: string): ApiError {
  return new ApiError('parameter_invalid', message, 'query');
}
