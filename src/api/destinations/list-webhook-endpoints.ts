import type { Catalog } from '../../catalog/catalog.ts';
import type { Route } from '../route.ts';
import { PAGE_SHAPE, parsePage } from '../read/pagination.ts';
import { refuseExpand, refuseUnknown } from '../read/params.ts';
import { presentWebhookEndpoint } from './present-destination.ts';
import { presentList } from '../present/list.ts';

const PATH = '/v1/webhook_endpoints';

/** GET /v1/webhook_endpoints: newest first. */
export function listWebhookEndpoints({ destinations }: Pick<Catalog, 'destinations'>): Route {
  return {
    method: 'GET',
    path: PATH,
    scope: 'destinations.read',
    handle: async ({ form, namespace }) => {
      refuseUnknown(form, PAGE_SHAPE);
      refuseExpand(form);
      const page = parsePage(form);
      const { data, hasMore } = await destinations.list(namespace, page, 'snapshot');
      return presentList(
        PATH,
        page,
        data.map((endpoint) => presentWebhookEndpoint(endpoint)),
        hasMore,
      );
    },
  };
}
