import type { Catalog } from '../../catalog/catalog.ts';
import { pathId, type Route } from '../route.ts';
import { noSuchDestination, parseInclude } from './destination-params.ts';
import { refuseUnknown } from '../read/params.ts';
import { presentEventDestination } from './present-destination.ts';

/** GET /v2/core/event_destinations/{id} */
export function retrieveEventDestination({ destinations }: Pick<Catalog, 'destinations'>): Route {
  return {
    method: 'GET',
    path: '/v2/core/event_destinations/:id',
    scope: 'destinations.read',
    handle: async (request) => {
      refuseUnknown(request.form, { include: true });
      const included = parseInclude(request.form);
      const id = pathId(request);
      const destination = await destinations.find(request.namespace, id);
      return presentEventDestination(destination ?? noSuchDestination(id), included);
    },
  };
}
