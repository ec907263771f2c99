import { ApiError } from '../../domain/errors.ts';
import type { Route } from '../route.ts';
import type { EventIds } from './event-ids.ts';
import { lookUpEvent, type LookUpParts } from './event-look-up.ts';
import { refuseExpand, refuseUnknown } from '../read/params.ts';
import { presentFoundEvent } from './present-found-event.ts';

/**
 * GET /v1/billing/meter_events/{identifier}: what became of an event. Stripe has no such call. Where an identifier was
 * rejected and then accepted, it is the accepted event that is answered.
 */
export function retrieveMeterEvent(parts: LookUpParts & { readonly eventIds: EventIds }): Route {
  return {
    method: 'GET',
    path: '/v1/billing/meter_events/:identifier',
    scope: 'usage.read',
    handle: async ({ namespace, pathParams, form }) => {
      refuseUnknown(form, { expand: true });
      refuseExpand(form);
      const identifier = pathParams['identifier'] ?? '';
      const shown = await lookUpEvent(parts, namespace, identifier);
      if (shown !== undefined) return presentFoundEvent(parts.eventIds, shown);
      throw new ApiError(
        'resource_missing',
        `No such billing meter event: '${identifier}'`,
        'identifier',
      );
    },
  };
}
