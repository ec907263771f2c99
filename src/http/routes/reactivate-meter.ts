import type { Catalog } from '../../catalog/catalog.ts';
import { reactivate } from '../../domain/meter.ts';
import type { Route } from '../api.ts';
import { changeMeterStatus } from '../resources.ts';

/** POST /v1/billing/meters/{id}/reactivate */
export function reactivateMeter({ meters }: Pick<Catalog, 'meters'>): Route {
  return {
    method: 'POST',
    path: '/v1/billing/meters/:id/reactivate',
    scope: 'meters.write',
    handle: (request) => changeMeterStatus(meters, request, reactivate, 'reactivated'),
  };
}
