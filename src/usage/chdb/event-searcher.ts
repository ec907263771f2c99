import { accountOf, type Namespace } from '../../domain/namespace.ts';
import type { MeterEvent } from '../../domain/meter-events/meter-event.ts';
import type { EventTimeWindow } from '../../domain/meter.ts';
import { windowStartMs } from '../../domain/windows.ts';
import type {
  EventName,
  EventSearch,
  EventSearcher,
  EventState,
  FoundEvent,
  RejectionSearch,
} from '../event-search.ts';
import { toEvent, type EventRow } from '../sql/event.ts';
import {
  cancellationsOfSql,
  findEventsSql,
  findRejectionsSql,
  survivorsSql,
  toRejectedEvent,
  type EventWindow,
  type RejectionRow,
} from '../sql/event-search.ts';
import type { Statement } from '../sql/statement.ts';
import type { Patience } from '../usage-store.ts';
import type { Pools } from './pools.ts';
import type { SessionPool } from './session-pool.ts';

/**
 * Finds events first, then what became of these. An accepted event is quick to find by its identifier; the events of many
 * identifiers are asked for by the server itself; all else may have to look at every event of the account.
 */
export function eventSearcher({ readers, searchers, background }: Pools): EventSearcher {
  return {
    async findEvents(search, patience) {
      if (search.meters.length === 0) return [];
      const { identifier, status, lastOf } = search;
      const isLookUp = identifier !== undefined && status === undefined;
      const pool = lastOf !== undefined ? background : isLookUp ? readers : searchers;
      const ask = asking(pool, search.namespace, patience);
      const rows = await ask<EventRow>(findEventsSql(search));
      return await withStates(ask, search, rows.map(toEvent));
    },
    async findRejections(search: RejectionSearch, patience) {
      const ask = asking(searchers, search.namespace, patience);
      return (await ask<RejectionRow>(findRejectionsSql(search))).map(toRejectedEvent);
    },
  };
}

type Ask = <Row>(statement: Statement) => Promise<Row[]>;

function asking(pool: SessionPool, namespace: Namespace, patience: Patience | undefined): Ask {
  const account = accountOf(namespace);
  return async <Row>(statement: Statement) => await pool.rows<Row>(statement, patience, account);
}

async function withStates(
  ask: Ask,
  search: EventSearch,
  events: readonly MeterEvent[],
): Promise<readonly FoundEvent[]> {
  if (events.length === 0) return [];
  const cancelled = await cancellationsOf(ask, events);
  const windows = new Map(search.meters.map(({ id, eventTimeWindow }) => [id, eventTimeWindow]));
  const survivors = await survivorsOf(
    ask,
    search,
    events
      .filter(({ sequence }) => !cancelled.has(sequence))
      .flatMap((event) => inWindow(event, windows)),
  );
  return events.map((event) => {
    const [windowed] = inWindow(event, windows);
    const survivor = windowed && survivors.get(nameOf(windowed));
    return { event, state: cancelled.get(event.sequence) ?? stateBeside(survivor, event) };
  });
}

function stateBeside(survivor: EventName | undefined, event: MeterEvent): EventState {
  if (survivor === undefined || survivor.sequence <= event.sequence) return { status: 'counted' };
  return { status: 'superseded', by: survivor };
}

async function cancellationsOf(
  ask: Ask,
  events: readonly MeterEvent[],
): Promise<ReadonlyMap<number, EventState>> {
  const rows = await ask<[string, string, string]>(cancellationsOfSql(events));
  return new Map(
    rows.map(([sequence, cancelledAtMs, requestId]) => [
      Number(sequence),
      { status: 'cancelled', cancelledAtMs: Number(cancelledAtMs), requestId },
    ]),
  );
}

/** By `nameOf`: the event that counts in each of these windows. */
async function survivorsOf(
  ask: Ask,
  { namespace }: EventSearch,
  windows: readonly EventWindow[],
): Promise<ReadonlyMap<string, EventName>> {
  const distinct = [...new Map(windows.map((window) => [nameOf(window), window])).entries()];
  if (distinct.length === 0) return new Map();
  const rows = await ask<[number, string, string]>(
    survivorsSql(
      namespace,
      distinct.map(([, window]) => window),
    ),
  );
  return new Map(
    rows.map(([number, sequence, identifier]) => [
      distinct[number]![0],
      { sequence: Number(sequence), identifier },
    ]),
  );
}

/** None, or the window of its meter that the event is in. */
function inWindow(
  { meterId, customer, timestampMs }: MeterEvent,
  windows: ReadonlyMap<string, EventTimeWindow | null>,
): EventWindow[] {
  const window = windows.get(meterId) ?? null;
  return window === null ? [] : [{ meterId, customer, timestampMs, window }];
}

function nameOf({ meterId, customer, timestampMs, window }: EventWindow): string {
  return JSON.stringify([meterId, customer, windowStartMs(window, timestampMs)]);
}
