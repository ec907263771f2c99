import type { Catalog } from '../../catalog/catalog.ts';
import type { FoundCoreEvent } from '../../catalog/core-events.ts';
import { presentSnapshotEvent, presentThinEvent } from '../../domain/core-events/wire.ts';
import { ApiError } from '../../domain/errors.ts';
import { isAllowed } from '../../domain/key.ts';
import { pathId, type Route } from '../route.ts';
import { noSuchEvent } from './event-params.ts';
import { refuseExpand, refuseUnknown, text } from '../read/params.ts';
import { requestVersion } from '../read/stripe-version.ts';

/**
 * POST /v1/events/{id}/retry: sends an event again, to one destination or to all that want it. What `stripe events
 * resend` calls (stripe-cli, `pkg/cmd/resource/events_resend.go`), for events of both APIs.
 */
export function retryEvent({
  coreEvents,
  destinations,
  deliveries,
}: Pick<Catalog, 'coreEvents' | 'destinations' | 'deliveries'>): Route {
  return {
    method: 'POST',
    path: '/v1/events/:id/retry',
    scope: 'destinations.write',
    // To send it twice does no harm.
    keepsNoAnswer: true,
    handle: async (request) => {
      const { form, namespace, receivedAtMs } = request;
      refuseUnknown(form, { webhook_endpoint: true, for_stripecli: true, expand: true });
      refuseExpand(form);
      const id = pathId(request);
      const only = text(form, 'webhook_endpoint', 200);
      if ((await coreEvents.find(namespace, id)) === undefined) noSuchEvent(id);
      if (only !== undefined && (await destinations.find(namespace, only)) === undefined) {
        const message = `No such webhook endpoint: '${only}'`;
        throw new ApiError('resource_missing_in_body', message, 'webhook_endpoint');
      }
      const sentTo = await deliveries.resend(namespace, id, only, receivedAtMs);
      if (only !== undefined && sentTo?.length === 0) throw cannotTake(only);
      const event = (await coreEvents.find(namespace, id)) ?? noSuchEvent(id);
      // To have an event sent again is not to read it.
      if (!isAllowed(request.key, 'core_events.read')) return presentId(event);
      return present(event, requestVersion(request));
    },
  };
}

function presentId({ id, snapshot }: FoundCoreEvent): object {
  return { id, object: snapshot === null ? 'v2.core.event' : 'event' };
}

function present(event: FoundCoreEvent, apiVersion: string): object {
  return event.snapshot === null
    ? presentThinEvent(event)
    : presentSnapshotEvent(event, apiVersion);
}

function cannotTake(destination: string): ApiError {
  return new ApiError(
    'parameter_invalid',
    `${destination} cannot take this event: it is disabled, or takes the other kind of payload.`,
    'webhook_endpoint',
  );
}
