/** Customers as rows of `customers`, to and fro. */
import { NO_BILLING, type BillingProfile, type Customer } from '../../domain/customers/customer.ts';
import type { Namespace } from '../../domain/namespace.ts';
import { toMetadata } from './terms.ts';
import type { Sql } from './writer.ts';

export type Row = Omit<Customer, 'metadata' | 'billing' | 'deleted'> & {
  readonly metadata: string;
  readonly billing: string | null;
  readonly deleted: 0 | 1;
};
export type PlacedRow = Row & { readonly ordinal: number };
/** What a search looks at. */
export type SearchedRow = Pick<
  PlacedRow,
  'ordinal' | 'createdS' | 'email' | 'name' | 'phone' | 'metadata'
>;

export function toRow(customer: Customer): Row {
  const { billing } = customer;
  return {
    ...customer,
    metadata: JSON.stringify([...customer.metadata]),
    billing: billing === NO_BILLING ? null : JSON.stringify(billing),
    deleted: customer.deleted ? 1 : 0,
  };
}

export function fromRow(row: Row): Customer {
  return {
    id: row.id,
    namespace: row.namespace,
    createdS: row.createdS,
    name: row.name,
    email: row.email,
    description: row.description,
    phone: row.phone,
    metadata: toMetadata(row.metadata),
    testClock: row.testClock,
    billing: row.billing === null ? NO_BILLING : (JSON.parse(row.billing) as BillingProfile),
    deleted: row.deleted === 1,
  };
}

const COLUMNS = `ordinal, namespace, id, created_s AS createdS, name, email, description, phone, metadata,
  test_clock AS testClock, billing, deleted`;
const SEARCHED = `c.ordinal, c.created_s AS createdS, c.email, c.name, c.phone, c.metadata`;

/** Rows on one side of an ordinal, the nearest first. */
type OfClock = [Namespace, string | null, number];
type OfEmail = [Namespace, string, string | null, number];

export type CustomerStatements = ReturnType<typeof prepareStatements>;

export function prepareStatements(db: Sql) {
  const list = (condition: string, comparison: '<' | '>'): string => `
    SELECT ${COLUMNS} FROM customers WHERE namespace = ? AND deleted = 0 AND ${condition}
      AND ordinal ${comparison} ? ORDER BY ordinal ${comparison === '<' ? 'DESC' : 'ASC'}`;
  return {
    insert: db.prepare<[Row]>(`
      INSERT INTO customers
        (namespace, id, created_s, name, email, description, phone, metadata, test_clock, billing, deleted)
      VALUES
        (@namespace, @id, @createdS, @name, @email, @description, @phone, @metadata, @testClock, @billing,
         @deleted)`),
    update: db.prepare<[Row]>(`
      UPDATE customers
      SET name = @name, email = @email, description = @description, phone = @phone,
        metadata = @metadata, test_clock = @testClock, billing = @billing, deleted = @deleted
      WHERE namespace = @namespace AND id = @id`),
    drop: db.prepare<[Namespace, string]>('DELETE FROM customers WHERE namespace = ? AND id = ?'),
    find: db.prepare<[Namespace, string], PlacedRow>(`
      SELECT ${COLUMNS} FROM customers WHERE namespace = ? AND id = ?`),
    at: db.prepare<[number], PlacedRow>(`SELECT ${COLUMNS} FROM customers WHERE ordinal = ?`),
    older: db.prepare<OfClock, PlacedRow>(list('test_clock IS ?', '<')),
    newer: db.prepare<OfClock, PlacedRow>(list('test_clock IS ?', '>')),
    olderOfEmail: db.prepare<OfEmail, PlacedRow>(list('email = ? AND test_clock IS ?', '<')),
    newerOfEmail: db.prepare<OfEmail, PlacedRow>(list('email = ? AND test_clock IS ?', '>')),
    searched: db.prepare<[Namespace, number], SearchedRow>(`
      SELECT ${SEARCHED} FROM customers AS c
      WHERE c.namespace = ? AND c.deleted = 0 AND c.ordinal < ? ORDER BY c.ordinal DESC`),
    searchedOfTerm: db.prepare<[Namespace, string, string, number], SearchedRow>(`
      SELECT ${SEARCHED} FROM customer_terms AS t CROSS JOIN customers AS c ON c.ordinal = t.customer
      WHERE t.namespace = ? AND t.field = ? AND t.term = ? AND t.customer < ?
      ORDER BY t.customer DESC`),
  };
}
