import type { Catalog } from '../../catalog/catalog.ts';
import type { CoreEventFilter } from '../../catalog/core-events.ts';
import { presentSnapshotEvent } from '../../domain/core-events/wire.ts';
import { ApiError } from '../../domain/errors.ts';
import type { Route } from '../route.ts';
import { parseTypes, TYPE_LENGTH_MAX } from './event-params.ts';
import type { Form } from '../read/form.ts';
import { PAGE_SHAPE, parsePage } from '../read/pagination.ts';
import {
  flag,
  refuseExpand,
  refuseUnknown,
  text,
  timeRange,
  TIME_RANGE_SHAPE,
  type Shape,
} from '../read/params.ts';
import { presentList } from '../present/list.ts';
import { requestVersion } from '../read/stripe-version.ts';

const PATH = '/v1/events';

const SHAPE: Shape = {
  ...PAGE_SHAPE,
  created: TIME_RANGE_SHAPE,
  delivery_success: true,
  type: true,
  types: true,
};

/** GET /v1/events: newest first. */
export function listEvents({ coreEvents }: Pick<Catalog, 'coreEvents'>): Route {
  return {
    method: 'GET',
    path: PATH,
    scope: 'core_events.read',
    handle: async (request) => {
      const { form, namespace, caller } = request;
      refuseUnknown(form, SHAPE);
      refuseExpand(form);
      const page = { ...parsePage(form), caller };
      const apiVersion = requestVersion(request);
      const { data, hasMore } = await coreEvents.list(
        namespace,
        'snapshot',
        page,
        parseFilter(form),
      );
      return presentList(
        PATH,
        page,
        data.map((event) => presentSnapshotEvent(event, apiVersion)),
        hasMore,
      );
    },
  };
}

function parseFilter(form: Form): CoreEventFilter {
  const type = text(form, 'type', TYPE_LENGTH_MAX);
  const types = parseTypes(form, 'types')?.map((each) => {
    // `types` takes names alone (Stripe: list events).
    if (!each.includes('*')) return each;
    throw new ApiError(
      'parameter_invalid',
      `Invalid types: '${each}' is no event's name.`,
      'types',
    );
  });
  if (type !== undefined && types !== undefined) {
    throw new ApiError(
      'parameter_invalid',
      'You may only specify one of these parameters: type, types.',
      'types',
    );
  }
  return {
    types: type === undefined ? types : [type],
    createdMs: timeRange(form, 'created'),
    delivered: flag(form, 'delivery_success'),
  };
}
