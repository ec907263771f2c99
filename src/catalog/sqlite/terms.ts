/** The index that a search of customers begins with: rows of `customer_terms`. */
import type { Database } from 'better-sqlite3';
import { termsOf, type Term } from '../../domain/customers/search.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Sql } from './writer.ts';

/** The texts of a customer as its row has them. */
export type Texts = {
  readonly email: string | null;
  readonly name: string | null;
  readonly phone: string | null;
  /** JSON: a list of pairs. */
  readonly metadata: string;
};

export function toMetadata(json: string): ReadonlyMap<string, string> {
  return new Map(JSON.parse(json) as [string, string][]);
}

export function termsOfRow({ metadata, ...texts }: Texts): readonly Term[] {
  return termsOf({ ...texts, metadata: toMetadata(metadata) });
}

/**
 * Lets a migration say `terms_of(email, name, phone, metadata)`, for customers that were there before the index. Of a null,
 * SQLite would find nothing at all.
 */
export function defineTermsOf(db: Database): void {
  db.table('terms_of', {
    columns: ['field', 'term'],
    parameters: ['email', 'name', 'phone', 'metadata'],
    *rows(email, name, phone, metadata) {
      const texts = { email, name, phone, metadata } as Texts;
      for (const { field, term } of termsOfRow(texts)) yield { field, term };
    },
  });
}

type Key = [Namespace, string, string, number | bigint];

export type TermIndex = {
  add(namespace: Namespace, ordinal: number | bigint, terms: readonly Term[]): void;
  remove(namespace: Namespace, ordinal: number | bigint, terms: readonly Term[]): void;
  /** Of these terms the one that fewest customers have, as far as it pays to count; undefined when there is none. */
  rarest(namespace: Namespace, terms: readonly Term[]): Term | undefined;
};

/** Counting further costs more than looking at the customers. */
const COUNTED_MAX = 200;

export function sqliteTerms(db: Sql): TermIndex {
  const insert = db.prepare<Key>(`
    INSERT INTO customer_terms (namespace, field, term, customer) VALUES (?, ?, ?, ?)`);
  const remove = db.prepare<Key>(`
    DELETE FROM customer_terms WHERE namespace = ? AND field = ? AND term = ? AND customer = ?`);
  const count = db
    .prepare<[Namespace, string, string, number], number>(
      `SELECT count(*) FROM
        (SELECT 1 FROM customer_terms WHERE namespace = ? AND field = ? AND term = ? LIMIT ?)`,
    )
    .pluck();
  return {
    add(namespace, ordinal, terms) {
      for (const { field, term } of terms) insert.run(namespace, field, term, ordinal);
    },
    remove(namespace, ordinal, terms) {
      for (const { field, term } of terms) remove.run(namespace, field, term, ordinal);
    },
    rarest(namespace, terms) {
      let rarest: Term | undefined;
      let fewest = Infinity;
      for (const each of terms) {
        const found = count.get(namespace, each.field, each.term, COUNTED_MAX) ?? 0;
        if (found < fewest) {
          rarest = each;
          fewest = found;
        }
      }
      return rarest;
    },
  };
}
