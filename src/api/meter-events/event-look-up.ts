/**
 * What became of events. Stripe has no read of single events; here every one can be asked for, the counted and the
 * rejected, behind the read barrier (P3).
 */
import type { Catalog } from '../../catalog/catalog.ts';
import type { RejectedEvent } from '../../domain/meter-events/meter-event.ts';
import type { Meter } from '../../domain/meter.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type {
  EventSearch,
  EventSearcher,
  FoundEvent,
  Place,
  TimeRange,
} from '../../usage/event-search.ts';
import type { UsageReader } from '../../usage/usage-reader.ts';

export type LookUpParts = {
  readonly meters: Pick<Catalog['meters'], 'ofEventName' | 'ofNamespace'>;
  readonly usage: Pick<UsageReader, 'lookUp' | 'search'>;
};

export const EVENT_STATUSES = [
  'counted',
  'superseded',
  'cancelled',
  'rejected',
  'duplicate',
] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];

/** What a list may ask for; every condition that is given must hold. */
export type EventFilter = {
  readonly eventName?: string | undefined;
  readonly identifier?: string | undefined;
  readonly customer?: string | undefined;
  readonly status?: EventStatus | undefined;
  readonly code?: string | undefined;
  readonly timestampMs?: TimeRange | undefined;
  readonly receivedAtMs?: TimeRange | undefined;
  readonly payload?: ReadonlyMap<string, string> | undefined;
};

/** With the meter that counts it. */
export type AcceptedEvent = FoundEvent & { readonly meter: Meter };

/** An event as it is shown. */
export type ShownEvent = AcceptedEvent | { readonly rejected: RejectedEvent };

export const EVERYWHERE: Place = {
  after: 0,
  before: Number.MAX_SAFE_INTEGER,
  order: 'newest_first',
};

/** The events of one identifier: the accepted one, or else the last rejected one. */
export async function lookUpEvent(
  parts: LookUpParts,
  namespace: Namespace,
  identifier: string,
): Promise<ShownEvent | undefined> {
  return await parts.usage.lookUp(namespace, async (searcher) => {
    const one = { namespace, place: EVERYWHERE, limit: 1 };
    const [accepted] = await findAccepted(parts, searcher, one, { identifier });
    if (accepted !== undefined) return accepted;
    const [rejected] = await findRejected(parts, searcher, one, { identifier });
    return rejected;
  });
}

/** The event that was accepted under this identifier. */
export async function lookUpAccepted(
  parts: LookUpParts,
  namespace: Namespace,
  identifier: string,
): Promise<AcceptedEvent | undefined> {
  return await parts.usage.lookUp(namespace, async (searcher) => {
    const one = { namespace, place: EVERYWHERE, limit: 1 };
    const [accepted] = await findAccepted(parts, searcher, one, { identifier });
    return accepted;
  });
}

type PageOf = Pick<EventSearch, 'namespace' | 'place' | 'limit'>;

/** A page of both kinds in one order, at most `limit`. */
export async function searchEvents(
  parts: LookUpParts,
  { namespace, place, limit }: PageOf,
  filter: EventFilter,
): Promise<readonly ShownEvent[]> {
  const found = await parts.usage.search(namespace, async (searcher, upTo) => {
    // What comes in between the two queries is in neither: else a page could leave out what belongs before its end.
    const before = Math.min(place.before, upTo + 1);
    const page = { namespace, place: { ...place, before }, limit };
    const accepted = await findAccepted(parts, searcher, page, filter);
    return [...accepted, ...(await findRejected(parts, searcher, page, filter))];
  });
  const sign = place.order === 'newest_first' ? -1 : 1;
  return found.sort((a, b) => sign * (sequenceOf(a) - sequenceOf(b))).slice(0, limit);
}

export function sequenceOf(shown: ShownEvent): number {
  return 'event' in shown ? shown.event.sequence : shown.rejected.sequence;
}

async function findAccepted(
  { meters }: LookUpParts,
  searcher: EventSearcher,
  page: PageOf,
  { eventName, status, code, ...conditions }: EventFilter,
): Promise<readonly AcceptedEvent[]> {
  if (status === 'rejected' || status === 'duplicate' || code !== undefined) return [];
  const searched =
    eventName === undefined
      ? meters.ofNamespace(page.namespace)
      : meters.ofEventName(page.namespace, eventName);
  const byId = new Map(searched.map((meter) => [meter.id, meter]));
  const found = await searcher.findEvents({ ...page, ...conditions, status, meters: searched });
  // Only events of these meters are found.
  return found.map((one) => ({ ...one, meter: byId.get(one.event.meterId)! }));
}

async function findRejected(
  { meters }: LookUpParts,
  searcher: EventSearcher,
  page: PageOf,
  { status, ...conditions }: EventFilter,
): Promise<readonly ShownEvent[]> {
  const isDuplicate = status === undefined ? undefined : status === 'duplicate';
  if (isDuplicate === false && status !== 'rejected') return [];
  const keys = new Set(meters.ofNamespace(page.namespace).map(({ customerKey }) => customerKey));
  const customerKeys = [...keys];
  const found = await searcher.findRejections({
    ...page,
    ...conditions,
    isDuplicate,
    customerKeys,
  });
  return found.map((rejected) => ({ rejected }));
}
