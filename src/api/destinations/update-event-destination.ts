import { edit } from '../../domain/core-events/destination.ts';
import { pathId, remember, type Route } from '../route.ts';
import {
  noSuchDestination,
  parseEnabledEvents,
  parseInclude,
  parseUrl,
  type DestinationParts,
} from './destination-params.ts';
import type { JsonShape } from '../read/json.ts';
import { parseMetadata } from '../read/metadata.ts';
import { orRead } from '../access/or-read.ts';
import { text } from '../read/params.ts';
import { presentEventDestination } from './present-destination.ts';

const SHAPE: JsonShape = {
  name: 'text',
  description: 'text',
  enabled_events: 'list',
  webhook_endpoint: { url: 'text' },
  metadata: 'metadata',
  include: 'list',
};

/** POST /v2/core/event_destinations/{id}: what it takes, and as what, stays as it was made. */
export function updateEventDestination({ destinations, addresses }: DestinationParts): Route {
  return {
    method: 'POST',
    path: '/v2/core/event_destinations/:id',
    scope: 'destinations.write',
    body: { json: SHAPE },
    handle: async (request) => {
      const { form, namespace, receivedAtMs } = request;
      const included = parseInclude(form);
      const id = pathId(request);
      const { payload } = (await destinations.find(namespace, id)) ?? noSuchDestination(id);
      const name = text(form, 'name', 500);
      const description = text(form, 'description', 5000);
      const url = parseUrl(form, 'webhook_endpoint[url]', addresses);
      const enabledEvents = parseEnabledEvents(form, payload);
      const metadata = parseMetadata(form);
      const destination = await destinations.change(
        namespace,
        id,
        orRead(request, 'destinations.read', (current) =>
          edit(
            current,
            {
              ...(name === undefined ? {} : { name }),
              ...(description === undefined ? {} : { description }),
              ...(url === undefined ? {} : { url }),
              ...(enabledEvents === undefined ? {} : { enabledEvents }),
              metadata: metadata(current.metadata),
            },
            receivedAtMs,
          ),
        ),
        remember(request, (changed) => presentEventDestination(changed, included)),
      );
      return presentEventDestination(destination ?? noSuchDestination(id), included);
    },
  };
}
