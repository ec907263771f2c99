import type { Catalog } from '../../catalog/catalog.ts';
import type { Route } from '../route.ts';
import { getWebhookEndpoint } from './destination-params.ts';
import { refuseExpand, refuseUnknown } from '../read/params.ts';
import { presentWebhookEndpoint } from './present-destination.ts';

/** GET /v1/webhook_endpoints/{id} */
export function retrieveWebhookEndpoint({ destinations }: Pick<Catalog, 'destinations'>): Route {
  return {
    method: 'GET',
    path: '/v1/webhook_endpoints/:id',
    scope: 'destinations.read',
    handle: async (request) => {
      refuseUnknown(request.form, { expand: true });
      refuseExpand(request.form);
      return presentWebhookEndpoint(await getWebhookEndpoint(destinations, request));
    },
  };
}
