import assert from 'node:assert/strict';
import { twinOf } from '../../domain/customers/customer-id.ts';
import type { Customer } from '../../domain/customers/customer.ts';
import { ApiError } from '../../domain/errors.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Customers, Remember } from '../catalog.ts';
import type { Announce } from '../core-events.ts';
import { answerSaver } from './answers.ts';
import { fromRow, prepareStatements, toRow, type CustomerStatements } from './customer-rows.ts';
import { customerReads } from './customer-search.ts';
import type { Outbox } from './outbox.ts';
import { sqliteTerms, termsOfRow } from './terms.ts';
import type { Slices } from './slices.ts';
import type { Sql, Writer } from './writer.ts';

/**
 * Customers as rows of `customers`, with the words that a search begins with in `customer_terms`. A deleted one keeps its
 * row, and so its place for a cursor, until its id is registered again.
 */
export function sqliteCustomers(
  db: Sql,
  writer: Writer,
  { record }: Outbox,
  slices: Slices,
): Customers {
  const sql = prepareStatements(db);
  const terms = sqliteTerms(db);
  const saveAnswer = answerSaver(db);

  const create = writer.transaction(
    (customer: Customer, remember: Remember<Customer>, announce: Announce<Customer>) => {
      refuseTaken(sql, customer);
      sql.drop.run(customer.namespace, customer.id);
      const row = toRow(customer);
      const { lastInsertRowid } = sql.insert.run(row);
      terms.add(customer.namespace, lastInsertRowid, termsOfRow(row));
      if (announce !== undefined) record(announce(customer, undefined));
      if (remember !== undefined) saveAnswer(remember(customer));
    },
  );

  const change = writer.transaction(
    (
      namespace: Namespace,
      id: string,
      apply: (customer: Customer) => Customer,
      remember: Remember<Customer>,
      announce: Announce<Customer>,
    ) => {
      const row = sql.find.get(namespace, id);
      if (row === undefined || row.deleted === 1) return undefined;
      const before = fromRow(row);
      const after = apply(before);
      if (after !== before) {
        assert(after.namespace === namespace && after.id === id && after.createdS === row.createdS);
        const changed = toRow(after);
        sql.update.run(changed);
        terms.remove(namespace, row.ordinal, termsOfRow(row));
        if (!after.deleted) terms.add(namespace, row.ordinal, termsOfRow(changed));
        if (announce !== undefined) record(announce(after, before));
      }
      if (remember !== undefined) saveAnswer(remember(after));
      return after;
    },
  );

  return {
    async create(customer, remember, announce) {
      create(customer, remember, announce);
    },
    async change(namespace, id, apply, remember, announce) {
      return change(namespace, id, apply, remember, announce);
    },
    async find(namespace, id) {
      const row = sql.find.get(namespace, id);
      return row && fromRow(row);
    },
    ...customerReads(sql, terms, slices),
  };
}

/** Asked within the transaction that writes. An id that was deleted is free again. */
function refuseTaken(sql: CustomerStatements, { namespace, id }: Customer): void {
  const isTaken = (text: string): boolean => sql.find.get(namespace, text)?.deleted === 0;
  if (isTaken(id)) throw new ApiError('resource_already_exists', 'Customer already exists.', 'id');
  const twin = twinOf(id);
  if (twin === undefined || !isTaken(twin)) return;
  throw new ApiError(
    'resource_already_exists',
    `Customer already exists: '${twin}', which stands in some URLs as '${id}' does.`,
    'id',
  );
}
