import type { Catalog } from '../../catalog/catalog.ts';
import { erase } from '../../domain/core-events/destination.ts';
import { remember, type Route } from '../route.ts';
import { getWebhookEndpoint, noSuchEndpoint } from './destination-params.ts';
import { refuseUnknown } from '../read/params.ts';
import { presentWebhookEndpoint } from './present-destination.ts';

/** DELETE /v1/webhook_endpoints/{id}: what was on its way there is dropped. */
export function deleteWebhookEndpoint({ destinations }: Pick<Catalog, 'destinations'>): Route {
  return {
    method: 'DELETE',
    path: '/v1/webhook_endpoints/:id',
    scope: 'destinations.write',
    handle: async (request) => {
      refuseUnknown(request.form, {});
      const { id } = await getWebhookEndpoint(destinations, request);
      const endpoint = await destinations.change(
        request.namespace,
        id,
        erase,
        remember(request, (erased) => presentWebhookEndpoint(erased)),
      );
      return presentWebhookEndpoint(endpoint ?? noSuchEndpoint(id));
    },
  };
}
