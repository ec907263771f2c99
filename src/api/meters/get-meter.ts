/** Finding the meter that a URL names, or refusing as Stripe does. */
import type { Meters } from '../../catalog/catalog.ts';
import { ApiError } from '../../domain/errors.ts';
import type { Meter } from '../../domain/meter.ts';
import { pathId, type ApiRequest } from '../route.ts';

export async function getMeter(meters: Meters, request: ApiRequest): Promise<Meter> {
  const id = pathId(request);
  return (await meters.find(request.namespace, id)) ?? noSuchMeter(id);
}

export function noSuchMeter(id: string): never {
  throw new ApiError('resource_missing', `No such billing meter: '${id}'`, 'id');
}
