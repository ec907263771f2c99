import assert from 'node:assert/strict';
import type { Customer } from '../../customers/customer.ts';
import { ApiError } from '../../errors.ts';
import type { Namespace } from '../../namespace.ts';
import type { Customers, Remember } from '../catalog.ts';
import { answerSaver } from './answers.ts';
import { type CursorParam, readPage, type Sides } from './page.ts';
import type { Sql, Writer } from './writer.ts';

type Row = Omit<Customer, 'metadata' | 'deleted'> & {
  readonly metadata: string;
  readonly deleted: 0 | 1;
};

/** Customers as rows of `customers`. A deleted one keeps its row, and so its place for a cursor. */
export function sqliteCustomers(db: Sql, writer: Writer): Customers {
  const sql = prepareStatements(db);
  const saveAnswer = answerSaver(db);

  const create = writer.transaction((customer: Customer, remember: Remember<Customer>) => {
    sql.insert.run(toRow(customer));
    if (remember !== undefined) saveAnswer(remember(customer));
  });

  const change = writer.transaction(
    (
      namespace: Namespace,
      id: string,
      apply: (customer: Customer) => Customer,
      remember: Remember<Customer>,
    ) => {
      const row = sql.find.get(namespace, id);
      if (row === undefined || row.deleted === 1) return undefined;
      const before = fromRow(row);
      const after = apply(before);
      if (after !== before) {
        assert(after.namespace === namespace && after.id === id && after.createdS === row.createdS);
        sql.update.run(toRow(after));
      }
      if (remember !== undefined) saveAnswer(remember(after));
      return after;
    },
  );

  function sidesOf(namespace: Namespace, email: string | undefined): Sides<Row> {
    if (email === undefined) {
      return {
        older: (ordinal, limit) => sql.older.all(namespace, ordinal, limit),
        newer: (ordinal, limit) => sql.newer.all(namespace, ordinal, limit),
      };
    }
    return {
      older: (ordinal, limit) => sql.olderOfEmail.all(namespace, email, ordinal, limit),
      newer: (ordinal, limit) => sql.newerOfEmail.all(namespace, email, ordinal, limit),
    };
  }

  return {
    async create(customer, remember) {
      create(customer, remember);
    },
    async change(namespace, id, apply, remember) {
      return change(namespace, id, apply, remember);
    },
    async find(namespace, id) {
      const row = sql.find.get(namespace, id);
      return row && fromRow(row);
    },
    async list(namespace, page, email) {
      const toOrdinal = (id: string, param: CursorParam): number => {
        const row = sql.ordinal.get(namespace, id);
        if (row !== undefined) return row.ordinal;
        throw new ApiError('resource_missing_in_body', `No such customer: '${id}'`, param);
      };
      const { data, hasMore } = readPage(page, toOrdinal, sidesOf(namespace, email));
      return { data: data.map(fromRow), hasMore };
    },
  };
}

function toRow(customer: Customer): Row {
  const metadata = JSON.stringify([...customer.metadata]);
  return { ...customer, metadata, deleted: customer.deleted ? 1 : 0 };
}

function fromRow(row: Row): Customer {
  const metadata = new Map(JSON.parse(row.metadata) as [string, string][]);
  return { ...row, metadata, deleted: row.deleted === 1 };
}

const COLUMNS = `namespace, id, created_s AS createdS, name, email, description, phone, metadata,
  deleted`;

function prepareStatements(db: Sql) {
  type Walk = [Namespace, number, number];
  type WalkOfEmail = [Namespace, string, number, number];
  return {
    insert: db.prepare<[Row]>(`
      INSERT INTO customers
        (namespace, id, created_s, name, email, description, phone, metadata, deleted)
      VALUES
        (@namespace, @id, @createdS, @name, @email, @description, @phone, @metadata, @deleted)`),
    update: db.prepare<[Row]>(`
      UPDATE customers
      SET name = @name, email = @email, description = @description, phone = @phone,
        metadata = @metadata, deleted = @deleted
      WHERE namespace = @namespace AND id = @id`),
    find: db.prepare<[Namespace, string], Row>(`
      SELECT ${COLUMNS} FROM customers WHERE namespace = ? AND id = ?`),
    ordinal: db.prepare<[Namespace, string], { ordinal: number }>(`
      SELECT ordinal FROM customers WHERE namespace = ? AND id = ?`),
    older: db.prepare<Walk, Row>(`
      SELECT ${COLUMNS} FROM customers
      WHERE namespace = ? AND deleted = 0 AND ordinal < ? ORDER BY ordinal DESC LIMIT ?`),
    newer: db.prepare<Walk, Row>(`
      SELECT ${COLUMNS} FROM customers
      WHERE namespace = ? AND deleted = 0 AND ordinal > ? ORDER BY ordinal LIMIT ?`),
    olderOfEmail: db.prepare<WalkOfEmail, Row>(`
      SELECT ${COLUMNS} FROM customers
      WHERE namespace = ? AND deleted = 0 AND email = ? AND ordinal < ?
      ORDER BY ordinal DESC LIMIT ?`),
    newerOfEmail: db.prepare<WalkOfEmail, Row>(`
      SELECT ${COLUMNS} FROM customers
      WHERE namespace = ? AND deleted = 0 AND email = ? AND ordinal > ?
      ORDER BY ordinal LIMIT ?`),
  };
}
