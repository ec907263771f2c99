import type { Attempt, DeliveryState } from '../../domain/core-events/delivery.ts';
import { wants } from '../../domain/core-events/destination.ts';
import { ApiError } from '../../domain/errors.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Deliveries, Lane, Settled } from '../core-events.ts';
import { CORE_EVENT_COLUMNS, fromCoreEventRow, type FoundCoreEventRow } from './core-event-rows.ts';
import {
  DESTINATION_COLUMNS,
  fromDestinationRow,
  type DestinationRow,
} from './destination-rows.ts';
import type { Outbox } from './outbox.ts';
import { type CursorParam, readPage, type Sides } from './page.ts';
import type { Sql, Writer } from './writer.ts';

/** Deliveries as rows: a queue for each destination, by the time when each is due. */
export function sqliteDeliveries(db: Sql, writer: Writer, outbox: Outbox): Deliveries {
  const sql = prepareStatements(db);

  const resend = writer.transaction(
    (namespace: Namespace, eventId: string, destinationId: string | undefined, nowMs: number) => {
      const event = sql.event.get(namespace, eventId);
      if (event === undefined) return undefined;
      const all = sql.destinations.all(namespace, destinationId ?? null);
      if (destinationId !== undefined && all.length === 0) return undefined;
      const found = fromCoreEventRow(event);
      const chosen = all.filter((row) =>
        destinationId === undefined
          ? wants(fromDestinationRow(row), found)
          : row.status === 'enabled' && found[row.payload] !== null,
      );
      for (const { lane } of chosen) sql.restart.run(lane, event.ordinal, nowMs);
      outbox.wake(chosen.map(({ lane }) => lane));
      return chosen.map(({ id }) => id);
    },
  );

  const settle = writer.unsynced((outcomes: readonly Settled[]) => {
    for (const { lane, delivery, tries, state, dueMs, attempts, failingSinceMs } of outcomes) {
      sql.settle.run(state, tries, dueMs, JSON.stringify(attempts), delivery);
      sql.setFailingSince.run(failingSinceMs, lane, failingSinceMs);
    }
  });

  return {
    list: deliveryList(sql),
    async resend(namespace, eventId, destinationId, nowMs) {
      return resend(namespace, eventId, destinationId, nowMs);
    },
    lanes: () => sql.lanes.all(),
    dueMs: (lane) => sql.dueMs.get(lane)?.dueMs,
    findDue(lane, nowMs) {
      const due = sql.due.get(lane, nowMs);
      if (due === undefined) return undefined;
      const event = sql.eventAt.get(due.event);
      const destination = sql.destinationAt.get(lane);
      // Neither can be gone: their deliveries go with them.
      if (event === undefined || destination === undefined) return undefined;
      return {
        lane,
        delivery: due.delivery,
        tries: due.tries,
        attempts: toAttempts(due.attempts),
        event: fromCoreEventRow(event),
        destination: fromDestinationRow(destination),
      };
    },
    settle,
    onDue: outbox.onDue,
  };
}

type Statements = ReturnType<typeof prepareStatements>;

function deliveryList(sql: Statements): Deliveries['list'] {
  return async (namespace, destinationId, page, state) => {
    const toOrdinal = (id: string, param: CursorParam): number => {
      const row = sql.ordinal.get(namespace, destinationId, id);
      if (row !== undefined) return row.event;
      throw new ApiError('resource_missing_in_body', `No such delivery: '${id}'`, param);
    };
    const { data, hasMore } = readPage(
      page,
      toOrdinal,
      sidesOf(sql, namespace, destinationId, state),
    );
    return {
      data: data.map((row) => ({ ...row, attempts: toAttempts(row.attempts) })),
      hasMore,
    };
  };
}

function sidesOf(
  sql: Statements,
  namespace: Namespace,
  destinationId: string,
  state: DeliveryState | undefined,
): Sides<DeliveryRow> {
  if (state === undefined) {
    return {
      older: (event, limit) => sql.older.iterate(namespace, destinationId, event, limit),
      newer: (event, limit) => sql.newer.iterate(namespace, destinationId, event, limit),
    };
  }
  return {
    older: (event, limit) =>
      sql.olderInState.iterate(namespace, destinationId, event, state, limit),
    newer: (event, limit) =>
      sql.newerInState.iterate(namespace, destinationId, event, state, limit),
  };
}

function toAttempts(text: string): readonly Attempt[] {
  return JSON.parse(text) as Attempt[];
}

type DeliveryRow = {
  readonly eventId: string;
  readonly eventType: string;
  readonly eventCreatedMs: number;
  readonly state: DeliveryState;
  readonly dueMs: number | null;
  readonly attempts: string;
};
type DueRow = {
  readonly delivery: number;
  readonly event: number;
  readonly tries: number;
  readonly attempts: string;
};

/** Of one that was deleted, deliveries stay for a while: then this is null, and none is found. */
const DESTINATION = '(SELECT ordinal FROM destinations WHERE ordinal = ? AND deleted = 0)';

const OF_DESTINATION = `
  SELECT e.id AS eventId, e.created_ms AS eventCreatedMs,
    CASE d.payload WHEN 'thin' THEN e.thin_type ELSE e.snapshot_type END AS eventType,
    of_d.state, of_d.due_ms AS dueMs, of_d.attempts
  FROM destinations AS d
    JOIN deliveries AS of_d ON of_d.destination = d.ordinal
    JOIN core_events AS e ON e.ordinal = of_d.event
  WHERE d.namespace = ? AND d.id = ? AND d.deleted = 0`;

function prepareStatements(db: Sql) {
  type Walk = [Namespace, string, number, number];
  type WalkInState = [Namespace, string, number, DeliveryState, number];
  return {
    event: db.prepare<[Namespace, string], FoundCoreEventRow & { ordinal: number }>(`
      SELECT e.ordinal, ${CORE_EVENT_COLUMNS} FROM core_events AS e
      WHERE namespace = ? AND id = ?`),
    eventAt: db.prepare<[number], FoundCoreEventRow>(`
      SELECT ${CORE_EVENT_COLUMNS} FROM core_events AS e WHERE ordinal = ?`),
    destinations: db.prepare<[Namespace, string | null], DestinationRow & { lane: Lane }>(`
      SELECT d.ordinal AS lane, ${DESTINATION_COLUMNS} FROM destinations AS d
      WHERE namespace = ? AND id = coalesce(?, id) AND deleted = 0 ORDER BY ordinal`),
    destinationAt: db.prepare<[Lane], DestinationRow>(`
      SELECT ${DESTINATION_COLUMNS} FROM destinations AS d WHERE ordinal = ?`),
    restart: db.prepare<[Lane, number, number]>(`
      INSERT INTO deliveries (destination, event, state, tries, due_ms, attempts)
      VALUES (?, ?, 'pending', 0, ?, '[]')
      ON CONFLICT (destination, event)
      DO UPDATE SET state = 'pending', tries = 0, due_ms = excluded.due_ms`),
    settle: db.prepare<[DeliveryState, number, number | null, string, number]>(`
      UPDATE deliveries SET state = ?, tries = ?, due_ms = ?, attempts = ? WHERE ordinal = ?`),
    setFailingSince: db.prepare<[number | null, Lane, number | null]>(`
      UPDATE destinations SET failing_since_ms = ?
      WHERE ordinal = ? AND failing_since_ms IS NOT ?`),
    lanes: db.prepare<[], { lane: Lane; dueMs: number }>(`
      SELECT lane, dueMs FROM
        (SELECT ordinal AS lane, (SELECT min(due_ms) FROM deliveries
           WHERE destination = d.ordinal AND state = 'pending') AS dueMs
         FROM destinations AS d WHERE deleted = 0)
      WHERE dueMs IS NOT NULL`),
    dueMs: db.prepare<[Lane], { dueMs: number }>(`
      SELECT due_ms AS dueMs FROM deliveries
      WHERE destination = ${DESTINATION} AND state = 'pending' ORDER BY due_ms, event LIMIT 1`),
    due: db.prepare<[Lane, number], DueRow>(`
      SELECT ordinal AS delivery, event, tries, attempts FROM deliveries
      WHERE destination = ${DESTINATION} AND state = 'pending' AND due_ms <= ?
      ORDER BY due_ms, event LIMIT 1`),
    ordinal: db.prepare<[Namespace, string, string], { event: number }>(`
      SELECT of_d.event FROM destinations AS d
        JOIN core_events AS e ON e.namespace = d.namespace
        JOIN deliveries AS of_d ON of_d.destination = d.ordinal AND of_d.event = e.ordinal
      WHERE d.namespace = ? AND d.id = ? AND e.id = ?`),
    older: db.prepare<Walk, DeliveryRow>(`
      ${OF_DESTINATION} AND of_d.event < ? ORDER BY of_d.event DESC LIMIT ?`),
    newer: db.prepare<Walk, DeliveryRow>(`
      ${OF_DESTINATION} AND of_d.event > ? ORDER BY of_d.event LIMIT ?`),
    olderInState: db.prepare<WalkInState, DeliveryRow>(`
      ${OF_DESTINATION} AND of_d.event < ? AND of_d.state = ? ORDER BY of_d.event DESC LIMIT ?`),
    newerInState: db.prepare<WalkInState, DeliveryRow>(`
      ${OF_DESTINATION} AND of_d.event > ? AND of_d.state = ? ORDER BY of_d.event LIMIT ?`),
  };
}
