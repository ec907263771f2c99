import type { Catalog } from '../catalog/catalog.ts';
import type { AddressRules } from '../delivery/addresses.ts';
import type { Route } from './api.ts';
import { createEventDestination } from './routes/create-event-destination.ts';
import { createWebhookEndpoint } from './routes/create-webhook-endpoint.ts';
import { deleteEventDestination } from './routes/delete-event-destination.ts';
import { deleteWebhookEndpoint } from './routes/delete-webhook-endpoint.ts';
import { disableEventDestination } from './routes/disable-event-destination.ts';
import { enableEventDestination } from './routes/enable-event-destination.ts';
import { listCoreEvents } from './routes/list-core-events.ts';
import { listDeliveries } from './routes/list-deliveries.ts';
import { listEventDestinations } from './routes/list-event-destinations.ts';
import { listEvents } from './routes/list-events.ts';
import { listWebhookEndpoints } from './routes/list-webhook-endpoints.ts';
import { pingEventDestination } from './routes/ping-event-destination.ts';
import { retrieveCoreEvent } from './routes/retrieve-core-event.ts';
import { retrieveEvent } from './routes/retrieve-event.ts';
import { retrieveEventDestination } from './routes/retrieve-event-destination.ts';
import { retrieveWebhookEndpoint } from './routes/retrieve-webhook-endpoint.ts';
import { retryEvent } from './routes/retry-event.ts';
import { rotateSigningSecret } from './routes/rotate-signing-secret.ts';
import { updateEventDestination } from './routes/update-event-destination.ts';
import { updateWebhookEndpoint } from './routes/update-webhook-endpoint.ts';

/** Events, and where they go. */
export function webhookRoutes(catalog: Catalog, addresses: AddressRules): readonly Route[] {
  const parts = { destinations: catalog.destinations, addresses };
  return [
    retrieveEvent(catalog),
    listEvents(catalog),
    retryEvent(catalog),
    retrieveCoreEvent(catalog),
    listCoreEvents(catalog),
    createWebhookEndpoint(parts),
    retrieveWebhookEndpoint(catalog),
    updateWebhookEndpoint(parts),
    listWebhookEndpoints(catalog),
    listDeliveries(catalog),
    deleteWebhookEndpoint(catalog),
    createEventDestination(parts),
    retrieveEventDestination(catalog),
    updateEventDestination(parts),
    listEventDestinations(catalog),
    pingEventDestination(catalog),
    rotateSigningSecret(catalog),
    disableEventDestination(catalog),
    enableEventDestination(catalog),
    deleteEventDestination(catalog),
  ];
}
