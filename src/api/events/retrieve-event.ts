import type { Catalog } from '../../catalog/catalog.ts';
import { presentSnapshotEvent } from '../../domain/core-events/wire.ts';
import { pathId, type Route } from '../route.ts';
import { noSuchEvent } from './event-params.ts';
import { refuseExpand, refuseUnknown } from '../read/params.ts';
import { requestVersion } from '../read/stripe-version.ts';

/** GET /v1/events/{id} */
export function retrieveEvent({ coreEvents }: Pick<Catalog, 'coreEvents'>): Route {
  return {
    method: 'GET',
    path: '/v1/events/:id',
    scope: 'core_events.read',
    handle: async (request) => {
      refuseUnknown(request.form, { expand: true });
      refuseExpand(request.form);
      const id = pathId(request);
      const event = await coreEvents.find(request.namespace, id);
      // What only v2 has a type for is not to be seen here.
      return presentSnapshotEvent(
        event?.snapshot ? event : noSuchEvent(id),
        requestVersion(request),
      );
    },
  };
}
