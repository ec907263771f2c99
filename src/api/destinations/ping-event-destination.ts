import type { Catalog } from '../../catalog/catalog.ts';
import type { CoreEvent } from '../../domain/core-events/core-event.ts';
import { presentThinEvent } from '../../domain/core-events/wire.ts';
import { toPing } from '../events/announce.ts';
import { pathId, remember, type Route } from '../route.ts';
import { noSuchDestination } from './destination-params.ts';

/** POST /v2/core/event_destinations/{id}/ping: an event for this destination alone, whatever it has enabled. */
export function pingEventDestination({
  destinations,
  coreEvents,
}: Pick<Catalog, 'destinations' | 'coreEvents'>): Route {
  return {
    method: 'POST',
    path: '/v2/core/event_destinations/:id/ping',
    scope: 'destinations.write',
    body: { json: {} },
    handle: async (request) => {
      const id = pathId(request);
      const destination = await destinations.find(request.namespace, id);
      const ping = toPing(request, destination ?? noSuchDestination(id));
      const present = (events: readonly CoreEvent[]): object => presentThinEvent(events[0] ?? ping);
      const recorded = await coreEvents.record([ping], {
        only: id,
        remember: remember(request, present),
      });
      return recorded === undefined ? noSuchDestination(id) : present([ping]);
    },
  };
}
