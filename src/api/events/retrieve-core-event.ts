import type { Catalog } from '../../catalog/catalog.ts';
import { presentThinEvent } from '../../domain/core-events/wire.ts';
import { pathId, type Route } from '../route.ts';
import { noSuchEvent } from './event-params.ts';
import { refuseUnknown } from '../read/params.ts';

/** GET /v2/core/events/{id}: with its data, which a notification does not bring. */
export function retrieveCoreEvent({ coreEvents }: Pick<Catalog, 'coreEvents'>): Route {
  return {
    method: 'GET',
    path: '/v2/core/events/:id',
    scope: 'core_events.read',
    handle: async (request) => {
      refuseUnknown(request.form, {});
      const id = pathId(request);
      const event = await coreEvents.find(request.namespace, id);
      return presentThinEvent(event?.thin ? event : noSuchEvent(id));
    },
  };
}
