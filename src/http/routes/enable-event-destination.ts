import type { Catalog } from '../../catalog/catalog.ts';
import { enable } from '../../domain/core-events/destination.ts';
import type { Route } from '../api.ts';
import { changeDestination } from '../change-destination.ts';

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
