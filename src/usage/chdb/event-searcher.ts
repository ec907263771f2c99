import type { MeterEvent } from '../../events/event.ts';
import type { EventTimeWindow } from '../../meters/meter.ts';
import { windowStartMs } from '../../summaries/windows.ts';
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
import type { Patience } from '../usage-store.ts';
import type { SessionPool } from './session-pool.ts';

/** Finds events first, then what became of these. */
export function eventSearcher(readers: SessionPool): EventSearcher {
  return {
    async findEvents(search, patience) {
      if (search.meters.length === 0) return [];
      const rows = await readers.rows<EventRow>(findEventsSql(search), patience);
      return await withStates({ readers, patience }, search, rows.map(toEvent));
    },
    async findRejections(search: RejectionSearch, patience) {
      const rows = await readers.rows<RejectionRow>(findRejectionsSql(search), patience);
      return rows.map(toRejectedEvent);
    },
  };
}

type Asked = { readonly readers: SessionPool; readonly patience: Patience | undefined };

async function withStates(
  asked: Asked,
  search: EventSearch,
  events: readonly MeterEvent[],
): Promise<readonly FoundEvent[]> {
  if (events.length === 0) return [];
  const cancelled = await cancellationsOf(asked, events);
  const windows = new Map(search.meters.map(({ id, eventTimeWindow }) => [id, eventTimeWindow]));
  const survivors = await survivorsOf(
    asked,
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
  { readers, patience }: Asked,
  events: readonly MeterEvent[],
): Promise<ReadonlyMap<number, EventState>> {
  const rows = await readers.rows<[string, string, string]>(cancellationsOfSql(events), patience);
  return new Map(
    rows.map(([sequence, cancelledAtMs, requestId]) => [
      Number(sequence),
      { status: 'cancelled', cancelledAtMs: Number(cancelledAtMs), requestId },
    ]),
  );
}

/** By `nameOf`: the event that counts in each of these windows. */
async function survivorsOf(
  { readers, patience }: Asked,
  { namespace }: EventSearch,
  windows: readonly EventWindow[],
): Promise<ReadonlyMap<string, EventName>> {
  const distinct = [...new Map(windows.map((window) => [nameOf(window), window])).entries()];
  if (distinct.length === 0) return new Map();
  const rows = await readers.rows<[number, string, string]>(
    survivorsSql(
      namespace,
      distinct.map(([, window]) => window),
    ),
    patience,
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
