import assert from 'node:assert/strict';
import type { Payload } from '../../domain/core-events/core-event.ts';
import { DESTINATIONS_MAX, type Destination } from '../../domain/core-events/destination.ts';
import { ApiError } from '../../domain/errors.ts';
import { modeOf, type Namespace } from '../../domain/namespace.ts';
import type { Remember } from '../catalog.ts';
import type { Announce, Destinations } from '../core-events.ts';
import { answerSaver } from './answers.ts';
import {
  DESTINATION_COLUMNS,
  fromDestinationRow,
  INSERT_DESTINATION,
  toDestinationRow,
  UPDATE_DESTINATION,
  type DestinationRow,
} from './destination-rows.ts';
import type { Outbox } from './outbox.ts';
import { type CursorParam, readPage } from './page.ts';
import type { Sql, Writer } from './writer.ts';

/** Destinations as rows. A deleted one keeps its row, and so its place for a cursor. */
export function sqliteDestinations(db: Sql, writer: Writer, { record }: Outbox): Destinations {
  const sql = prepareStatements(db);
  const saveAnswer = answerSaver(db);

  const create = writer.transaction((destination: Destination, remember: Remember<Destination>) => {
    if ((sql.count.get(destination.namespace)?.count ?? 0) >= DESTINATIONS_MAX) {
      throw tooMany(destination.namespace);
    }
    assert.equal(destination.apiVersion === null, destination.payload === 'thin');
    sql.insert.run(toDestinationRow(destination));
    if (remember !== undefined) saveAnswer(remember(destination));
  });

  const change = writer.transaction(
    (
      namespace: Namespace,
      id: string,
      apply: (destination: Destination) => Destination,
      remember: Remember<Destination>,
      announce: Announce<Destination>,
    ) => {
      const row = sql.find.get(namespace, id);
      if (row === undefined) return undefined;
      const before = fromDestinationRow(row);
      const after = apply(before);
      if (after !== before) {
        assertSameDestination(before, after);
        sql.update.run(toDestinationRow(after));
        if (announce !== undefined) record(announce(after, before));
      }
      if (remember !== undefined) saveAnswer(remember(after));
      return after;
    },
  );

  return {
    async create(destination, remember) {
      create(destination, remember);
    },
    async change(namespace, id, apply, remember, announce) {
      return change(namespace, id, apply, remember, announce);
    },
    async find(namespace, id) {
      const row = sql.find.get(namespace, id);
      return row && fromDestinationRow(row);
    },
    async list(namespace, page, payload) {
      const toOrdinal = (id: string, param: CursorParam): number => {
        const row = sql.ordinal.get(namespace, id);
        if (row !== undefined) return row.ordinal;
        throw new ApiError('resource_missing_in_body', `No such destination: '${id}'`, param);
      };
      const { data, hasMore } = readPage(page, toOrdinal, {
        older: (ordinal, limit) => sql.older.iterate(namespace, ordinal, payload ?? null, limit),
        newer: (ordinal, limit) => sql.newer.iterate(namespace, ordinal, payload ?? null, limit),
      });
      return { data: data.map(fromDestinationRow), hasMore };
    },
  };
}

/** What it takes and what its snapshots look like is fixed when it is made (Stripe: event destinations). */
function assertSameDestination(before: Destination, after: Destination): void {
  for (const fixed of ['id', 'namespace', 'payload', 'apiVersion', 'createdMs'] as const) {
    assert.equal(after[fixed], before[fixed]);
  }
}

function tooMany(namespace: Namespace): ApiError {
  return new ApiError(
    'too_many_destinations',
    `You have reached the maximum of ${DESTINATIONS_MAX} ${modeOf(namespace)} webhook endpoints ` +
      'and event destinations. Delete one first.',
  );
}

function prepareStatements(db: Sql) {
  type Walk = [Namespace, number, Payload | null, number];
  return {
    insert: db.prepare<[DestinationRow]>(INSERT_DESTINATION),
    update: db.prepare<[DestinationRow]>(UPDATE_DESTINATION),
    count: db.prepare<[Namespace], { count: number }>(`
      SELECT count(*) AS count FROM destinations WHERE namespace = ? AND deleted = 0`),
    find: db.prepare<[Namespace, string], DestinationRow>(`
      SELECT ${DESTINATION_COLUMNS} FROM destinations AS d
      WHERE namespace = ? AND id = ? AND deleted = 0`),
    ordinal: db.prepare<[Namespace, string], { ordinal: number }>(`
      SELECT ordinal FROM destinations WHERE namespace = ? AND id = ?`),
    older: db.prepare<Walk, DestinationRow>(`
      SELECT ${DESTINATION_COLUMNS} FROM destinations AS d
      WHERE namespace = ? AND deleted = 0 AND ordinal < ? AND payload = coalesce(?, payload)
      ORDER BY ordinal DESC LIMIT ?`),
    newer: db.prepare<Walk, DestinationRow>(`
      SELECT ${DESTINATION_COLUMNS} FROM destinations AS d
      WHERE namespace = ? AND deleted = 0 AND ordinal > ? AND payload = coalesce(?, payload)
      ORDER BY ordinal LIMIT ?`),
  };
}
