/** The lists of core events, with their filters. No index answers all of these: see walk.ts. */
import type { Payload } from '../../domain/core-events/core-event.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { CoreEventFilter } from '../core-events.ts';
import { CORE_EVENT_COLUMNS, UNSENT, type FoundCoreEventRow } from './core-event-rows.ts';
import type { WalkSide } from './walk.ts';
import type { Sql } from './writer.ts';

type Comparison = '<' | '>';
/** A part of a WHERE, with the values of its question marks in order. */
type Condition = { readonly where: string; readonly values: readonly unknown[] };

/** Both sides of a place in the list that the API of `payload` shows. */
export function coreEventSides(
  db: Sql,
  namespace: Namespace,
  payload: Payload,
  filter: CoreEventFilter,
): { older: WalkSide<FoundCoreEventRow>; newer: WalkSide<FoundCoreEventRow> } {
  const base = baseOf(namespace, filter);
  const filtered = filterOf(payload, filter);
  const side = (comparison: Comparison): WalkSide<FoundCoreEventRow> =>
    filter.delivered === false
      ? unsentSide(db, comparison, base, filtered)
      : allSide(db, comparison, base, filtered);
  return { older: side('<'), newer: side('>') };
}

/** What an index gives in order. */
function baseOf(namespace: Namespace, { objectId }: CoreEventFilter): Condition {
  if (objectId === undefined) return { where: 'e.namespace = ?', values: [namespace] };
  return { where: 'e.namespace = ? AND e.object_id = ?', values: [namespace, objectId] };
}

/** What is looked at row by row. A `+` keeps SQLite from walking by that column. */
function filterOf(payload: Payload, { types, createdMs, delivered }: CoreEventFilter): Condition {
  const type = payload === 'thin' ? 'e.thin_type' : 'e.snapshot_type';
  const conditions = [`${type} IS NOT NULL`];
  const values: unknown[] = [];
  if (types !== undefined) {
    conditions.push(`(${types.map(() => `${type} GLOB ?`).join(' OR ') || 'FALSE'})`);
    values.push(...types.map(toGlob));
  }
  if (createdMs !== undefined) {
    conditions.push('+e.created_ms >= ? AND +e.created_ms < ?');
    values.push(createdMs.fromMs, createdMs.toMs);
  }
  if (delivered !== undefined)
    conditions.push(`${delivered ? 'NOT ' : ''}EXISTS (SELECT 1 ${UNSENT})`);
  return { where: conditions.join(' AND '), values };
}

function allSide(
  db: Sql,
  comparison: Comparison,
  base: Condition,
  filtered: Condition,
): WalkSide<FoundCoreEventRow> {
  const edge = edgeOf(db, comparison, 'core_events AS e', 'e.ordinal', base.where);
  const matching = matchOf(db, comparison, base, filtered);
  return {
    edge: (from, rows) => edge(base.values, from, rows),
    match: (from, to, limit) => matching([], from, to, limit),
  };
}

/** States of a delivery that is not there yet. */
const UNSENT_STATES = ['pending', 'failed'] as const;

/** Of events with a delivery that has not succeeded: by the index of these, so that delivered ones are no work. */
function unsentSide(
  db: Sql,
  comparison: Comparison,
  base: Condition,
  filtered: Condition,
): WalkSide<FoundCoreEventRow> {
  const [namespace] = base.values;
  const lanes = db
    .prepare<[unknown], number>(
      'SELECT ordinal FROM destinations WHERE namespace = ? AND deleted = 0',
    )
    .pluck()
    .all(namespace);
  const queues = lanes.flatMap((lane) => UNSENT_STATES.map((state) => [lane, state]));
  const edge = edgeOf(
    db,
    comparison,
    'deliveries AS q',
    'q.event',
    'q.destination = ? AND q.state = ?',
  );
  const among = `e.ordinal IN (SELECT q.event FROM deliveries AS q
    WHERE q.destination IN (${lanes.map(() => '?').join(', ')}) AND q.state IN ('pending', 'failed')
      AND q.event ${comparison} ? AND q.event ${upTo(comparison)} ?)`;
  const matching = matchOf(db, comparison, base, {
    ...filtered,
    where: `${among} AND ${filtered.where}`,
  });
  return {
    edge(from, rows) {
      const each = Math.ceil(rows / Math.max(queues.length, 1));
      const edges = queues
        .map((queue) => edge(queue, from, each))
        .filter((place) => place !== undefined);
      // The nearest: up to there no queue has more than its share.
      if (edges.length === 0) return undefined;
      return comparison === '<' ? Math.max(...edges) : Math.min(...edges);
    },
    match: (from, to, limit) =>
      matching([...lanes, from, to ?? endOf(comparison)], from, to, limit),
  };
}

/** Beyond every ordinal, as seen from any of them. */
function endOf(comparison: Comparison): number {
  return comparison === '<' ? 0 : Number.MAX_SAFE_INTEGER;
}

function upTo(comparison: Comparison): '>=' | '<=' {
  return comparison === '<' ? '>=' : '<=';
}

function edgeOf(db: Sql, comparison: Comparison, table: string, place: string, where: string) {
  const order = comparison === '<' ? 'DESC' : 'ASC';
  const find = db
    .prepare<unknown[], number>(
      `SELECT ${place} FROM ${table} WHERE ${where} AND ${place} ${comparison} ?
      ORDER BY ${place} ${order} LIMIT 1 OFFSET ?`,
    )
    .pluck();
  return (values: readonly unknown[], from: number, rows: number): number | undefined =>
    find.get(...values, from, rows - 1);
}

/** The values of `filtered` come after those that are given. */
function matchOf(db: Sql, comparison: Comparison, base: Condition, filtered: Condition) {
  const order = comparison === '<' ? 'DESC' : 'ASC';
  const find = db.prepare<unknown[], FoundCoreEventRow>(
    `SELECT ${CORE_EVENT_COLUMNS} FROM core_events AS e
    WHERE ${base.where} AND e.ordinal ${comparison} ? AND e.ordinal ${upTo(comparison)} ?
      AND ${filtered.where}
    ORDER BY e.ordinal ${order} LIMIT ?`,
  );
  return (
    values: readonly unknown[],
    from: number,
    to: number | undefined,
    limit: number,
  ): Iterable<FoundCoreEventRow> =>
    find.iterate(
      ...base.values,
      from,
      to ?? endOf(comparison),
      ...values,
      ...filtered.values,
      limit,
    );
}

/** Only `*` stands for other characters. */
function toGlob(type: string): string {
  return type.replaceAll(/[?[]/gu, '[$&]');
}
