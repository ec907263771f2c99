import type { Catalog } from '../../catalog/catalog.ts';
import { DELIVERY_STATES } from '../../domain/core-events/delivery.ts';
import { pathId, type Route } from '../route.ts';
import { noSuchEndpoint } from './destination-params.ts';
import { PAGE_SHAPE, parsePage } from '../read/pagination.ts';
import { oneOf, refuseExpand, refuseUnknown } from '../read/params.ts';
import { presentDelivery } from './present-destination.ts';
import { presentList } from '../present/list.ts';

/**
 * GET /v1/webhook_endpoints/{id}/deliveries: each event and every try to deliver it, newest event first; of event
 * destinations too. Stripe shows this in its dashboard alone.
 */
export function listDeliveries({
  destinations,
  deliveries,
}: Pick<Catalog, 'destinations' | 'deliveries'>): Route {
  return {
    method: 'GET',
    path: '/v1/webhook_endpoints/:id/deliveries',
    scope: 'destinations.read',
    handle: async (request) => {
      const { form, namespace } = request;
      refuseUnknown(form, { ...PAGE_SHAPE, status: true });
      refuseExpand(form);
      const id = pathId(request);
      const state = oneOf(form, 'status', DELIVERY_STATES);
      const page = parsePage(form);
      if ((await destinations.find(namespace, id)) === undefined) noSuchEndpoint(id);
      const { data, hasMore } = await deliveries.list(namespace, id, page, state);
      const url = `/v1/webhook_endpoints/${id}/deliveries`;
      return presentList(url, page, data.map(presentDelivery), hasMore);
    },
  };
}
