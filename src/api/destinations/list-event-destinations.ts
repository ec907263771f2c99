import type { Catalog } from '../../catalog/catalog.ts';
import type { Route } from '../route.ts';
import { parseInclude } from './destination-params.ts';
import { PAGE_V2_SHAPE, parsePageV2, presentListV2 } from '../read/pagination-v2.ts';
import { refuseUnknown } from '../read/params.ts';
import { presentEventDestination } from './present-destination.ts';

const PATH = '/v2/core/event_destinations';

/** GET /v2/core/event_destinations: newest first, those made as webhook endpoints too. */
export function listEventDestinations({ destinations }: Pick<Catalog, 'destinations'>): Route {
  return {
    method: 'GET',
    path: PATH,
    scope: 'destinations.read',
    handle: async ({ form, namespace }) => {
      refuseUnknown(form, { ...PAGE_V2_SHAPE, include: true });
      const included = parseInclude(form);
      const page = parsePageV2(form);
      const found = await destinations.list(namespace, page);
      return presentListV2(PATH, form, page, found, (destination) =>
        presentEventDestination(destination, included),
      );
    },
  };
}
