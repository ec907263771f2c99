import { toSeconds } from '../../domain/time.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { rename } from '../../domain/meter.ts';
import { announceMeter } from '../events/announce.ts';
import { pathId, remember, type Route } from '../route.ts';
import { orRead } from '../access/or-read.ts';
import { refuseExpand, refuseUnknown, text } from '../read/params.ts';
import { presentMeter } from './present-meter.ts';
import { noSuchMeter } from './get-meter.ts';

/** POST /v1/billing/meters/{id}: only the display name of a meter can be changed. */
export function updateMeter({ meters }: Pick<Catalog, 'meters'>): Route {
  return {
    method: 'POST',
    path: '/v1/billing/meters/:id',
    scope: 'meters.write',
    handle: async (request) => {
      const { form, namespace, receivedAtMs } = request;
      refuseUnknown(form, { display_name: true, expand: true });
      refuseExpand(form);
      const displayName = text(form, 'display_name', 250);
      const id = pathId(request);
      const meter = await meters.change(
        namespace,
        id,
        orRead(request, 'meters.read', (current) =>
          rename(current, displayName ?? current.displayName, toSeconds(receivedAtMs)),
        ),
        remember(request, presentMeter),
        announceMeter(request, 'updated'),
      );
      return presentMeter(meter ?? noSuchMeter(id));
    },
  };
}
