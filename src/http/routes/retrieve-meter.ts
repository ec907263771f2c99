import type { Catalog } from '../../catalog/catalog.ts';
import type { Route } from '../api.ts';
import { refuseExpand, refuseUnknown } from '../params.ts';
import { presentMeter } from '../present.ts';
import { getMeter } from '../resources.ts';

/** GET /v1/billing/meters/{id} */
export function retrieveMeter({ meters }: Pick<Catalog, 'meters'>): Route {
  return {
    method: 'GET',
    path: '/v1/billing/meters/:id',
    scope: 'meters.read',
    handle: async (request) => {
      refuseUnknown(request.form, { expand: true });
      refuseExpand(request.form);
      return presentMeter(await getMeter(meters, request));
    },
  };
}
