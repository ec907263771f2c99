import assert from 'node:assert/strict';
import { ApiError } from '../../domain/errors.ts';
import {
  METERS_MAX,
  METERS_OF_EVENT_NAME_MAX,
  type Meter,
  type MeterStatus,
} from '../../domain/meter.ts';
import { modeOf, type Namespace } from '../../domain/namespace.ts';
import type { Meters, Remember } from '../catalog.ts';
import type { Announce } from '../core-events.ts';
import { answerSaver } from './answers.ts';
import { toEventNames, type EventNames } from './event-names.ts';
import type { Outbox } from './outbox.ts';
import { type CursorParam, readPage, type Sides } from './page.ts';
import type { Sql, Writer } from './writer.ts';

/**
 * Meters as rows of `meters`, and in memory by event name. Memory is changed after the commit, with
 * rows read before it, so that it never runs ahead of the disk; no other process writes meters.
 */
export function sqliteMeters(db: Sql, writer: Writer, { record }: Outbox): Meters {
  const sql = prepareStatements(db);
  const saveAnswer = answerSaver(db);
  const eventNames = toEventNames(sql.all.all());

  const create = writer.transaction(
    (meter: Meter, remember: Remember<Meter>, announce: Announce<Meter>) => {
      refuseTakenEventName(sql, meter);
      sql.insert.run(meter);
      if (announce !== undefined) record(announce(meter, undefined));
      if (remember !== undefined) saveAnswer(remember(meter));
      return sql.ofEventName.all(meter.namespace, meter.eventName);
    },
  );

  const change = writer.transaction(
    (
      namespace: Namespace,
      id: string,
      apply: (meter: Meter) => Meter,
      remember: Remember<Meter>,
      announce: Announce<Meter>,
    ) => {
      const before = sql.find.get(namespace, id);
      if (before === undefined) return undefined;
      const after = apply(before);
      if (after !== before) {
        assertSameMeter(before, after);
        refuseTakenEventName(sql, after);
        sql.update.run(after);
        if (announce !== undefined) record(announce(after, before));
      }
      if (remember !== undefined) saveAnswer(remember(after));
      return { after, sameName: sql.ofEventName.all(namespace, after.eventName) };
    },
  );

  return {
    async create(meter, remember, announce) {
      refuseTooMany(meter, eventNames);
      eventNames.put(create(meter, remember, announce));
    },
    async change(namespace, id, apply, remember, announce) {
      const changed = change(namespace, id, apply, remember, announce);
      if (changed === undefined) return undefined;
      eventNames.put(changed.sameName);
      return changed.after;
    },
    async find(namespace, id) {
      return sql.find.get(namespace, id);
    },
    async list(namespace, page, status) {
      const toOrdinal = (id: string, param: CursorParam): number => {
        const row = sql.ordinal.get(namespace, id);
        if (row !== undefined) return row.ordinal;
        throw new ApiError('resource_missing_in_body', `No such billing meter: '${id}'`, param);
      };
      return readPage(page, toOrdinal, sidesOf(sql, namespace, status));
    },
    ofEventName: eventNames.metersOf,
    ofNamespace: eventNames.metersIn,
  };
}

function sidesOf(
  sql: Statements,
  namespace: Namespace,
  status: MeterStatus | undefined,
): Sides<Meter> {
  if (status === undefined) {
    return {
      older: (ordinal, limit) => sql.older.iterate(namespace, ordinal, limit),
      newer: (ordinal, limit) => sql.newer.iterate(namespace, ordinal, limit),
    };
  }
  return {
    older: (ordinal, limit) => sql.olderOfStatus.iterate(namespace, status, ordinal, limit),
    newer: (ordinal, limit) => sql.newerOfStatus.iterate(namespace, status, ordinal, limit),
  };
}

function refuseTooMany({ namespace, eventName }: Meter, eventNames: EventNames): void {
  if (eventNames.metersOf(namespace, eventName).length >= METERS_OF_EVENT_NAME_MAX) {
    throw new ApiError(
      'too_many_meters',
      `You have reached the maximum of ${METERS_OF_EVENT_NAME_MAX} meters with the event name ` +
        `'${eventName}'. Reactivate one, or choose another event name.`,
      'event_name',
    );
  }
  if (eventNames.countIn(namespace) < METERS_MAX) return;
  throw new ApiError(
    'too_many_meters',
    `You have reached the maximum of ${METERS_MAX.toLocaleString('en')} ${modeOf(namespace)} meters.`,
  );
}

/** Asked within the transaction that writes; the unique index behind it is for a bug only. */
function refuseTakenEventName(sql: Statements, { namespace, id, eventName, status }: Meter): void {
  if (status !== 'active') return;
  const holder = sql.activeId.get(namespace, eventName)?.id;
  if (holder === undefined || holder === id) return;
  throw new ApiError(
    'event_name_taken',
    // Stripe's text, as its users report it.
    `An active meter already exists for event name '${eventName}'. To create a new meter with the same event name, ` +
      'first deactivate the currently active meter.',
    'event_name',
  );
}

/** The rest of a meter stands for ever: its events were read by these rules. */
function assertSameMeter(before: Meter, after: Meter): void {
  const { displayName, status, updatedS, deactivatedAtS } = after;
  assert.deepEqual(after, { ...before, displayName, status, updatedS, deactivatedAtS });
}

const COLUMNS = `namespace, id, display_name AS displayName, event_name AS eventName, formula,
  event_time_window AS eventTimeWindow, customer_key AS customerKey, value_key AS valueKey, status,
  created_s AS createdS, updated_s AS updatedS, deactivated_at_s AS deactivatedAtS`;

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: Sql) {
  type Walk = [Namespace, number, number];
  type WalkOfStatus = [Namespace, MeterStatus, number, number];
  return {
    insert: db.prepare<[Meter]>(`
      INSERT INTO meters
        (namespace, id, display_name, event_name, formula, event_time_window, customer_key,
         value_key, status, created_s, updated_s, deactivated_at_s)
      VALUES
        (@namespace, @id, @displayName, @eventName, @formula, @eventTimeWindow, @customerKey,
         @valueKey, @status, @createdS, @updatedS, @deactivatedAtS)`),
    update: db.prepare<[Meter]>(`
      UPDATE meters
      SET display_name = @displayName, status = @status, updated_s = @updatedS,
        deactivated_at_s = @deactivatedAtS
      WHERE namespace = @namespace AND id = @id`),
    find: db.prepare<[Namespace, string], Meter>(`
      SELECT ${COLUMNS} FROM meters WHERE namespace = ? AND id = ?`),
    activeId: db.prepare<[Namespace, string], { id: string }>(`
      SELECT id FROM meters WHERE namespace = ? AND event_name = ? AND status = 'active'`),
    ofEventName: db.prepare<[Namespace, string], Meter>(`
      SELECT ${COLUMNS} FROM meters WHERE namespace = ? AND event_name = ?
      ORDER BY status = 'active' DESC, ordinal DESC`),
    all: db.prepare<[], Meter>(`
      SELECT ${COLUMNS} FROM meters ORDER BY status = 'active' DESC, ordinal DESC`),
    ordinal: db.prepare<[Namespace, string], { ordinal: number }>(`
      SELECT ordinal FROM meters WHERE namespace = ? AND id = ?`),
    older: db.prepare<Walk, Meter>(`
      SELECT ${COLUMNS} FROM meters WHERE namespace = ? AND ordinal < ?
      ORDER BY ordinal DESC LIMIT ?`),
    newer: db.prepare<Walk, Meter>(`
      SELECT ${COLUMNS} FROM meters WHERE namespace = ? AND ordinal > ?
      ORDER BY ordinal LIMIT ?`),
    olderOfStatus: db.prepare<WalkOfStatus, Meter>(`
      SELECT ${COLUMNS} FROM meters WHERE namespace = ? AND status = ? AND ordinal < ?
      ORDER BY ordinal DESC LIMIT ?`),
    newerOfStatus: db.prepare<WalkOfStatus, Meter>(`
      SELECT ${COLUMNS} FROM meters WHERE namespace = ? AND status = ? AND ordinal > ?
      ORDER BY ordinal LIMIT ?`),
  };
}
