import type { Catalog } from '../../catalog/catalog.ts';
import type { Route } from '../route.ts';
import { refuseExpand, refuseUnknown } from '../read/params.ts';
import { presentMeter } from './present-meter.ts';
import { getMeter } from './get-meter.ts';

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
