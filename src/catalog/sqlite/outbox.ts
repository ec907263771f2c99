/**
 * The one way into `core_events`: an event, and a delivery for each destination that wants it, as part of the
 * transaction that is open. Who writes a fact of a new kind takes `record` and calls it in that fact's transaction.
 */
import assert from 'node:assert/strict';
import type { CoreEvent, Payload } from '../../domain/core-events/core-event.ts';
import { wants } from '../../domain/core-events/destination.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Lane } from '../core-events.ts';
import { INSERT_CORE_EVENT, toCoreEventRow, type CoreEventRow } from './core-event-rows.ts';
import type { Sql } from './writer.ts';

export type Outbox = {
  /** Undoing the transaction undoes it. With `only` the events go to that lane alone, whatever it wants. */
  readonly record: (events: readonly CoreEvent[], only?: Lane) => void;
  /** Says that the lanes have something due. */
  readonly wake: (lanes: readonly Lane[]) => void;
  readonly onDue: (listener: (lanes: readonly Lane[]) => void) => void;
};

/** Bounds memory (P10): some 20 KB each at most. */
const PARSED_MAX = 100;

/** What `wants` asks of a destination. */
type Subscriber = {
  readonly lane: Lane;
  readonly payload: Payload;
  readonly enabledEvents: string;
};

export function sqliteOutbox(db: Sql): Outbox {
  const insert = db.prepare<[CoreEventRow]>(INSERT_CORE_EVENT);
  const subscribers = db.prepare<[Namespace], Subscriber>(`
    SELECT ordinal AS lane, payload, enabled_events AS enabledEvents FROM destinations
    WHERE namespace = ? AND deleted = 0 AND status = 'enabled' ORDER BY ordinal`);
  const deliver = db.prepare<[Lane, number | bigint, number]>(`
    INSERT INTO deliveries (destination, event, state, tries, due_ms, attempts)
    VALUES (?, ?, 'pending', 0, ?, '[]')`);
  /** Lists of types by their text: of many events in a transaction, each would be read again and again. */
  const parsed = new Map<string, readonly string[]>();
  const typesOf = (text: string): readonly string[] => {
    const known = parsed.get(text);
    if (known !== undefined) return known;
    if (parsed.size >= PARSED_MAX) parsed.clear();
    const types = JSON.parse(text) as readonly string[];
    parsed.set(text, types);
    return types;
  };
  const listeners: ((lanes: readonly Lane[]) => void)[] = [];
  const wake = (lanes: readonly Lane[]): void => {
    for (const listener of listeners) listener(lanes);
  };

  function lanesOf(event: CoreEvent): readonly Lane[] {
    return subscribers
      .all(event.namespace)
      .filter(({ payload, enabledEvents }) => {
        const types = typesOf(enabledEvents);
        return wants({ payload, enabledEvents: types, status: 'enabled', deleted: false }, event);
      })
      .map(({ lane }) => lane);
  }

  return {
    record(events, only) {
      assert(db.inTransaction, 'an event is kept with the change that it tells of');
      const lanes = new Set<Lane>();
      for (const event of events) {
        assert(event.thin !== null || event.snapshot !== null, 'an event has a type');
        const ordinal = insert.run(toCoreEventRow(event)).lastInsertRowid;
        for (const lane of only === undefined ? lanesOf(event) : [only]) {
          deliver.run(lane, ordinal, event.createdMs);
          lanes.add(lane);
        }
      }
      if (lanes.size > 0) wake([...lanes]);
    },
    wake,
    onDue: (listener) => void listeners.push(listener),
  };
}
