import { setImmediate } from 'node:timers/promises';
import { ApiError } from '../../domain/errors.ts';
import type { CoreEvent } from '../../domain/core-events/core-event.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Remember } from '../catalog.ts';
import type { CoreEvents, Lane } from '../core-events.ts';
import { answerSaver } from './answers.ts';
import { coreEventSides } from './core-event-list.ts';
import { CORE_EVENT_COLUMNS, fromCoreEventRow, type FoundCoreEventRow } from './core-event-rows.ts';
import type { Outbox } from './outbox.ts';
import type { CursorParam } from './page.ts';
import type { Slices } from './slices.ts';
import { Walks } from './walk.ts';
import type { Sql, Writer } from './writer.ts';

/** Events that one step of pruning takes, each with up to sixteen deliveries: some 10 ms, then others have their turn. */
const CORE_EVENTS_STEP_MAX = 50;
/** The same of deliveries alone. */
const DELIVERIES_STEP_MAX = 500;

/** Core events, as rows of `core_events`. */
export function sqliteCoreEvents(
  db: Sql,
  writer: Writer,
  { record }: Outbox,
  slices: Slices,
): CoreEvents {
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

  // What is lost of it is pruned again.
  const prune = writer.unsynced((beforeMs: number) =>
    pruneSome.run(beforeMs, CORE_EVENTS_STEP_MAX),
  );
  const walks = new Walks(slices);

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
      const sides = coreEventSides(db, namespace, payload, filter);
      const { data, hasMore } = await walks.page(namespace, page, toOrdinal, sides);
      return { data: data.map(fromCoreEventRow), hasMore };
    },
    async prune(beforeMs) {
      while (db.open && prune(beforeMs).changes > 0) await setImmediate();
      await dropDeliveriesOfDeleted(db, writer);
    },
  };
}

/** Deliveries to destinations that were deleted: too many, perhaps, for the request that deletes one. */
async function dropDeliveriesOfDeleted(db: Sql, writer: Writer): Promise<void> {
  const nextLane = db.prepare<[Lane], { lane: Lane | null }>(
    'SELECT min(destination) AS lane FROM deliveries WHERE destination > ?',
  );
  const isDeleted = db.prepare<[Lane], unknown>(
    'SELECT 1 FROM destinations WHERE ordinal = ? AND deleted = 1',
  );
  const dropSome = db.prepare<[Lane, number]>(`
    DELETE FROM deliveries WHERE ordinal IN
      (SELECT ordinal FROM deliveries WHERE destination = ? LIMIT ?)`);
  const drop = writer.unsynced((lane: Lane) => dropSome.run(lane, DELIVERIES_STEP_MAX));
  for (let lane = 0; db.open;) {
    const next = nextLane.get(lane)?.lane;
    if (next === null || next === undefined) return;
    lane = next;
    if (isDeleted.get(lane) === undefined) continue;
    while (db.open && drop(lane).changes > 0) await setImmediate();
  }
}
