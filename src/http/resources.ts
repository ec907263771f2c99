/** Finding what a URL names, or refusing as Stripe does. */
import { toSeconds } from '../domain/time.ts';
import type { Meters } from '../catalog/catalog.ts';
import { ApiError } from '../domain/errors.ts';
import type { Meter } from '../domain/meter.ts';
import { announceMeter, type MeterChange } from './announce.ts';
import { remember, type ApiRequest } from './api.ts';
import { refuseExpand, refuseUnknown } from './params.ts';
import { presentMeter } from './present.ts';

/** The `:id` in the route's path. */
export function pathId({ pathParams }: Pick<ApiRequest, 'pathParams'>): string {
  return pathParams['id'] ?? '';
}

export async function getMeter(meters: Meters, request: ApiRequest): Promise<Meter> {
  const id = pathId(request);
  return (await meters.find(request.namespace, id)) ?? noSuchMeter(id);
}

export function noSuchMeter(id: string): never {
  throw new ApiError('resource_missing', `No such billing meter: '${id}'`, 'id');
}

/** Deactivating and reactivating take no parameters and answer the meter as it is afterwards. */
export async function changeMeterStatus(
  meters: Meters,
  request: ApiRequest,
  change: (meter: Meter, nowS: number) => Meter,
  told: MeterChange,
): Promise<object> {
  refuseUnknown(request.form, { expand: true });
  refuseExpand(request.form);
  const id = pathId(request);
  const meter = await meters.change(
    request.namespace,
    id,
    (current) => change(current, toSeconds(request.receivedAtMs)),
    remember(request, presentMeter),
    announceMeter(request, told),
  );
  return presentMeter(meter ?? noSuchMeter(id));
}
