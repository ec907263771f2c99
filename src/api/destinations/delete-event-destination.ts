import type { Catalog } from '../../catalog/catalog.ts';
import { erase } from '../../domain/core-events/destination.ts';
import type { Route } from '../route.ts';
import { changeDestination } from './change-destination.ts';

/** DELETE /v2/core/event_destinations/{id}: what was on its way there is dropped. */
export function deleteEventDestination({ destinations }: Pick<Catalog, 'destinations'>): Route {
  return {
    method: 'DELETE',
    path: '/v2/core/event_destinations/:id',
    scope: 'destinations.write',
    body: { json: {} },
    handle: (request) => changeDestination(destinations, request, erase),
  };
}
