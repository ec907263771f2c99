import type { Catalog } from '../../catalog/catalog.ts';
import type { Route } from '../route.ts';
import { PAGE_SHAPE, parsePage } from '../read/pagination.ts';
import { oneOf, refuseExpand, refuseUnknown } from '../read/params.ts';
import { presentList } from '../present/list.ts';
import { presentMeter } from './present-meter.ts';

const PATH = '/v1/billing/meters';

/** GET /v1/billing/meters: newest first. */
export function listMeters({ meters }: Pick<Catalog, 'meters'>): Route {
  return {
    method: 'GET',
    path: PATH,
    scope: 'meters.read',
    handle: async ({ form, namespace }) => {
      refuseUnknown(form, { ...PAGE_SHAPE, status: true });
      refuseExpand(form);
      const status = oneOf(form, 'status', ['active', 'inactive']);
      const page = parsePage(form);
      const { data, hasMore } = await meters.list(namespace, page, status);
      return presentList(PATH, page, data.map(presentMeter), hasMore);
    },
  };
}
