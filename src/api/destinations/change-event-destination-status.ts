import type { Catalog } from '../../catalog/catalog.ts';
import { disable, enable } from '../../domain/core-events/destination.ts';
import type { Route } from '../route.ts';
import { changeDestination } from './change-destination.ts';

/** POST /v2/core/event_destinations/{id}/enable */
export function enableEventDestination({ destinations }: Pick<Catalog, 'destinations'>): Route {
  return {
    method: 'POST',
    path: '/v2/core/event_destinations/:id/enable',
    scope: 'destinations.write',
    body: { json: {} },
    handle: (request) =>
      changeDestination(destinations, request, (current) => enable(current, request.receivedAtMs)),
  };
}

/** POST /v2/core/event_destinations/{id}/disable */
export function disableEventDestination({ destinations }: Pick<Catalog, 'destinations'>): Route {
  return {
    method: 'POST',
    path: '/v2/core/event_destinations/:id/disable',
    scope: 'destinations.write',
    body: { json: {} },
    handle: (request) =>
      changeDestination(destinations, request, (current) =>
        disable(current, 'user', request.receivedAtMs),
      ),
  };
}
