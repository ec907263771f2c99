import type { Catalog } from '../../catalog/catalog.ts';
import { presentThinEvent } from '../../domain/core-events/wire.ts';
import type { Route } from '../route.ts';
import { parseTypes } from './event-params.ts';
import { PAGE_V2_SHAPE, parsePageV2, presentListV2 } from '../read/pagination-v2.ts';
import { refuseUnknown, text, TIME_RANGE_SHAPE, type Shape } from '../read/params.ts';
import { timeRangeV2 } from '../read/time-range-v2.ts';

const PATH = '/v2/core/events';

const SHAPE: Shape = { ...PAGE_V2_SHAPE, created: TIME_RANGE_SHAPE, object_id: true, types: true };

/** GET /v2/core/events: newest first. */
export function listCoreEvents({ coreEvents }: Pick<Catalog, 'coreEvents'>): Route {
  return {
    method: 'GET',
    path: PATH,
    scope: 'core_events.read',
    handle: async ({ form, namespace, caller }) => {
      refuseUnknown(form, SHAPE);
      const page = { ...parsePageV2(form), caller };
      const found = await coreEvents.list(namespace, 'thin', page, {
        types: parseTypes(form, 'types'),
        objectId: text(form, 'object_id', 200),
        createdMs: timeRangeV2(form, 'created'),
      });
      return presentListV2(PATH, form, page, found, presentThinEvent);
    },
  };
}
