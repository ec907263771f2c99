import { setImmediate } from 'node:timers/promises';
import { ApiError } from '../../errors.ts';
import type { CoreEvent, Payload } from '../../core-events/core-event.ts';
import type { Namespace } from '../../namespace.ts';
import type { Remember } from '../catalog.ts';
import type { CoreEventFilter, CoreEvents, Lane } from '../core-events.ts';
import { answerSaver } from './answers.ts';
import { CORE_EVENT_COLUMNS, fromCoreEventRow, type FoundCoreEventRow } from './core-event-rows.ts';
import type { Outbox } from './outbox.ts';
import { type CursorParam, readPage } from './page.ts';
import type { Sql, Writer } from './writer.ts';

/** Events that one step of pruning takes, with their deliveries: some 10 ms, then others have their turn. */
export const CORE_EVENTS_STEP_MAX = 500;

/** Core events, as rows of `core_events`. */
export function sqliteCoreEvents(db: Sql, writer: Writer, { record }: Outbox): CoreEvents {
  const saveAnswer = answerSaver(db);
  const find = db.prepare<[Namespace, string], FoundCoreEventRow>(`
    SELECT ${CORE_EVENT_COLUMNS} FROM core_events AS e WHERE namespace = ? AND id = ?`);
  const findOrdinal = db.prepare<[Namespace, string], { ordinal: number }>(`
    SELECT ordinal FROM core_events WHERE namespace = ? AND id = ?`);
  const findLane = db.prepare<[Namespace, string], { lane: Lane }>(`
    SELECT ordinal AS lane FROM destinations WHERE namespace = ? AND id = ? AND deleted = 0`);
  const pruneSome = db.prepare<[number, number]>(`
    DELETE FROM core_events WHERE ordinal IN
      (SELECT ordinal FROM core_events WHERE created_ms < ? ORDER BY created_ms LIMIT ?)`);

  const prune = writer.transaction(
    (beforeMs: number) => pruneSome.run(beforeMs, CORE_EVENTS_STEP_MAX).changes,
  );

  const recordAll = writer.transaction(
    (
      events: readonly CoreEvent[],
      only: string | undefined,
      remember: Remember<readonly CoreEvent[]>,
    ) => {
      const lanes = events.map(({ namespace }) =>
        only === undefined ? undefined : findLane.get(namespace, only)?.lane,
      );
      if (only !== undefined && lanes.includes(undefined)) return undefined;
      for (const [index, event] of events.entries()) record([event], lanes[index]);
      if (remember !== undefined) saveAnswer(remember(events));
      return 'recorded' as const;
    },
  );

  return {
    async record(events, { only, remember } = {}) {
      return recordAll(events, only, remember);
    },
    async find(namespace, id) {
      const row = find.get(namespace, id);
      return row && fromCoreEventRow(row);
    },
    async list(namespace, payload, page, filter = {}) {
      const toOrdinal = (id: string, param: CursorParam): number => {
        const row = findOrdinal.get(namespace, id);
        if (row !== undefined) return row.ordinal;
        throw new ApiError('resource_missing_in_body', `No such event: '${id}'`, param);
      };
      const { where, values } = toCondition(namespace, payload, filter);
      const side = (comparison: '<' | '>', order: 'DESC' | 'ASC') => {
        const sql = `SELECT ${CORE_EVENT_COLUMNS} FROM core_events AS e
          WHERE ${where} AND e.ordinal ${comparison} ? ORDER BY e.ordinal ${order} LIMIT ?`;
        const walk = db.prepare<unknown[], FoundCoreEventRow>(sql);
        return (ordinal: number, limit: number) => walk.all(...values, ordinal, limit);
      };
      const { data, hasMore } = readPage(page, toOrdinal, {
        older: side('<', 'DESC'),
        newer: side('>', 'ASC'),
      });
      return { data: data.map(fromCoreEventRow), hasMore };
    },
    async prune(beforeMs) {
      while (db.open && prune(beforeMs) > 0) {
        await setImmediate();
      }
    },
  };
}

/** The WHERE of a list, with the values of its question marks in order. */
function toCondition(
  namespace: Namespace,
  payload: Payload,
  { types, objectId, createdMs, delivered }: CoreEventFilter,
): { readonly where: string; readonly values: readonly unknown[] } {
  const type = payload === 'thin' ? 'e.thin_type' : 'e.snapshot_type';
  const conditions = ['e.namespace = ?', `${type} IS NOT NULL`];
  const values: unknown[] = [namespace];
  if (types !== undefined) {
    conditions.push(`(${types.map(() => `${type} GLOB ?`).join(' OR ') || 'FALSE'})`);
    values.push(...types.map(toGlob));
  }
  if (objectId !== undefined) {
    conditions.push('e.object_id = ?');
    values.push(objectId);
  }
  if (createdMs !== undefined) {
    conditions.push('e.created_ms >= ? AND e.created_ms < ?');
    values.push(createdMs.fromMs, createdMs.toMs);
  }
  if (delivered !== undefined) {
    const unsent = `EXISTS (SELECT 1 FROM deliveries AS d
      WHERE d.event = e.ordinal AND d.state <> 'succeeded')`;
    conditions.push(delivered ? `NOT ${unsent}` : unsent);
  }
  return { where: conditions.join(' AND '), values };
}

/** Only `*` stands for other characters. */
function toGlob(type: string): string {
  return type.replaceAll(/[?[]/gu, '[$&]');
}
