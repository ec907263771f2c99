import type { Catalog } from '../../catalog/catalog.ts';
import { deactivate } from '../../domain/meter.ts';
import type { Route } from '../api.ts';
import { changeMeterStatus } from '../resources.ts';

/** POST /v1/billing/meters/{id}/deactivate */
export function deactivateMeter({ meters }: Pick<Catalog, 'meters'>): Route {
  return {
    method: 'POST',
    path: '/v1/billing/meters/:id/deactivate',
    scope: 'meters.write',
    handle: (request) => changeMeterStatus(meters, request, deactivate, 'deactivated'),
  };
}
