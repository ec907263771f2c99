import { toSeconds } from '../../domain/time.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { rename } from '../../domain/meter.ts';
import { announceMeter } from '../announce.ts';
import { remember, type Route } from '../api.ts';
import { orRead } from '../or-read.ts';
import { refuseExpand, refuseUnknown, text } from '../params.ts';
import { presentMeter } from '../present.ts';
import { noSuchMeter, pathId } from '../resources.ts';

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
