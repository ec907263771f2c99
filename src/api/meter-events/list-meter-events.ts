import type { PageQuery } from '../../catalog/catalog.ts';
import { ApiError } from '../../domain/errors.ts';
import { STREAM_REJECTION_CODES } from '../../domain/meter-events/rejections.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Place } from '../../usage/event-search.ts';
import { ReadLimitError } from '../../usage/usage-store.ts';
import type { Route } from '../route.ts';
import type { EventIds } from './event-ids.ts';
import {
  EVENT_STATUSES,
  EVERYWHERE,
  searchEvents,
  type EventFilter,
  type LookUpParts,
} from './event-look-up.ts';
import type { Form } from '../read/form.ts';
import { PAGE_SHAPE, parsePage } from '../read/pagination.ts';
import {
  hash,
  oneOf,
  refuseExpand,
  refuseUnknown,
  text,
  timeRange,
  TIME_RANGE_SHAPE,
  type Shape,
} from '../read/params.ts';
import { presentFoundEvent } from './present-found-event.ts';
import { presentList } from '../present/list.ts';

const PATH = '/v1/billing/meter_events';

const SHAPE: Shape = {
  ...PAGE_SHAPE,
  event_name: true,
  identifier: true,
  customer: true,
  status: true,
  code: true,
  created: TIME_RANGE_SHAPE,
  timestamp: TIME_RANGE_SHAPE,
  payload: true,
};

/**
 * GET /v1/billing/meter_events: events and what became of them, in the order of arrival, newest first. Stripe has no
 * such call. With `status=rejected` it is all that went wrong, not a sample of it.
 */
export function listMeterEvents(parts: LookUpParts & { readonly eventIds: EventIds }): Route {
  return {
    method: 'GET',
    path: PATH,
    scope: 'usage.read',
    handle: async ({ form, namespace }) => {
      const filter = parseFilter(form);
      const page = parsePage(form);
      const place = toPlace(parts.eventIds, namespace, page);
      // One more than shown tells whether there are more.
      const found = await searchEvents(
        parts,
        { namespace, place, limit: page.limit + 1 },
        filter,
      ).catch((error: unknown) => {
        throw error instanceof ReadLimitError ? tooLarge(error, filter) : error;
      });
      const inPage = found.slice(0, page.limit);
      if (place.order === 'oldest_first') inPage.reverse();
      return presentList(
        PATH,
        page,
        inPage.map((shown) => presentFoundEvent(parts.eventIds, shown)),
        found.length > page.limit,
      );
    },
  };
}

/** Says what would make the search a smaller one. */
function tooLarge({ limit }: ReadLimitError, filter: EventFilter): ApiError {
  const { eventName, customer, identifier, timestampMs, receivedAtMs } = filter;
  const filters = [
    ...(identifier === undefined ? ['identifier'] : []),
    ...(customer === undefined || eventName === undefined ? ['event_name with customer'] : []),
    timestampMs === undefined ? 'timestamp[gte] and timestamp[lt]' : 'a shorter range of timestamp',
    receivedAtMs === undefined ? 'created[gte] and created[lt]' : 'a shorter range of created',
  ];
  const hint = `Give ${filters.slice(0, -1).join(', ')} or ${filters.at(-1)}`;
  if (limit === 'bytes') {
    const message = `Too many events would have to be looked at for this search. ${hint}.`;
    return new ApiError('search_too_large', message);
  }
  const message = `The search took too long. ${hint}, or try again later.`;
  return new ApiError('unavailable', message, undefined, 5);
}

function parseFilter(form: Form): EventFilter {
  refuseUnknown(form, SHAPE);
  refuseExpand(form);
  const status = oneOf(form, 'status', EVENT_STATUSES);
  const code = oneOf(form, 'code', STREAM_REJECTION_CODES);
  const hasCode = status === undefined || status === 'rejected' || status === 'duplicate';
  if (code !== undefined && !hasCode) {
    throw new ApiError(
      'parameter_invalid',
      `Invalid code: only rejected events and duplicates have one, and status is ${status}.`,
      'code',
    );
  }
  return {
    status,
    code,
    eventName: text(form, 'event_name', 100),
    identifier: text(form, 'identifier', 100),
    customer: text(form, 'customer', 100),
    receivedAtMs: timeRange(form, 'created'),
    timestampMs: timeRange(form, 'timestamp'),
    payload: payloadOf(form),
  };
}

function payloadOf(form: Form): ReadonlyMap<string, string> | undefined {
  const payload = hash(form, 'payload');
  if (payload === undefined) return undefined;
  const texts = new Map<string, string>();
  for (const [key, value] of payload) {
    const path = `payload[${key}]`;
    if (typeof value !== 'string') {
      throw new ApiError('parameter_invalid', `Invalid string: ${path}`, path);
    }
    texts.set(key, value);
  }
  return texts;
}

function toPlace(
  ids: EventIds,
  namespace: Namespace,
  { startingAfter, endingBefore }: PageQuery,
): Place {
  const sequence = (param: string, id: string): number => {
    const found = ids.parse(namespace, id);
    if (found !== undefined) return found;
    throw new ApiError('resource_missing_in_body', `No such billing meter event: '${id}'`, param);
  };
  if (endingBefore !== undefined) {
    const after = sequence('ending_before', endingBefore);
    return { ...EVERYWHERE, after, order: 'oldest_first' };
  }
  if (startingAfter === undefined) return EVERYWHERE;
  return { ...EVERYWHERE, before: sequence('starting_after', startingAfter) };
}
