import type { Catalog, Meters } from '../../catalog/catalog.ts';
import { deactivate, reactivate, type Meter } from '../../domain/meter.ts';
import { toSeconds } from '../../domain/time.ts';
import { announceMeter, type MeterChange } from '../events/announce.ts';
import { refuseExpand, refuseUnknown } from '../read/params.ts';
import { pathId, remember, type ApiRequest, type Route } from '../route.ts';
import { noSuchMeter } from './get-meter.ts';
import { presentMeter } from './present-meter.ts';

/** POST /v1/billing/meters/{id}/deactivate */
export function deactivateMeter({ meters }: Pick<Catalog, 'meters'>): Route {
  return {
    method: 'POST',
    path: '/v1/billing/meters/:id/deactivate',
    scope: 'meters.write',
    handle: (request) => changeMeterStatus(meters, request, deactivate, 'deactivated'),
  };
}

/** POST /v1/billing/meters/{id}/reactivate */
export function reactivateMeter({ meters }: Pick<Catalog, 'meters'>): Route {
  return {
    method: 'POST',
    path: '/v1/billing/meters/:id/reactivate',
    scope: 'meters.write',
    handle: (request) => changeMeterStatus(meters, request, reactivate, 'reactivated'),
  };
}

/** Deactivating and reactivating take no parameters and answer the meter as it is afterwards. */
async function changeMeterStatus(
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
