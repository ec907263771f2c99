import type { AlertWatch } from '../alerting/alert-evaluator.ts';
import type { DuplicateComparer } from '../reporting/duplicate-comparer.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { ApiError } from '../domain/errors.ts';
import type { Ingest } from '../ingest/ingest.ts';
import { windowStartMs } from '../domain/windows.ts';
import type { UsageReader } from '../usage/usage-reader.ts';
import type { AccessParts } from './access/access.ts';
import type { Route } from './route.ts';
import { DuplicateEvents, type DuplicateRule } from './meter-events/duplicate-events.ts';
import type { EventIds } from './meter-events/event-ids.ts';
import { Adjustments } from './adjustments/meter-event-adjustments.ts';
import type { CheckCustomer, MeterEventParts } from './meter-events/meter-events.ts';
import { activateAlert, archiveAlert, deactivateAlert } from './alerts/change-alert-status.ts';
import { createAlert } from './alerts/create-alert.ts';
import { createCustomer } from './customers/create-customer.ts';
import { createMeterEventAdjustment } from './adjustments/create-meter-event-adjustment.ts';
import { createMeterEventAdjustmentV2 } from './adjustments/create-meter-event-adjustment-v2.ts';
import { createMeterEventSession } from './stream/create-meter-event-session.ts';
import { createMeterEventStream, type IsCustomer } from './stream/create-meter-event-stream.ts';
import { createMeterEventV2 } from './meter-events/create-meter-event-v2.ts';
import { createMeterEvent } from './meter-events/create-meter-event.ts';
import { createMeter } from './meters/create-meter.ts';
import { deactivateMeter, reactivateMeter } from './meters/change-meter-status.ts';
import { deleteCustomer } from './customers/delete-customer.ts';
import { listAlerts } from './alerts/list-alerts.ts';
import { listCustomers } from './customers/list-customers.ts';
import { listMeterEvents } from './meter-events/list-meter-events.ts';
import { listMeterEventSummaries } from './summaries/list-meter-event-summaries.ts';
import { listMeters } from './meters/list-meters.ts';
import { retrieveAccount, retrieveCurrentAccount } from './account/retrieve-account.ts';
import { retrieveAlert } from './alerts/retrieve-alert.ts';
import { retrieveCustomer } from './customers/retrieve-customer.ts';
import { retrieveMeterEvent } from './meter-events/retrieve-meter-event.ts';
import { retrieveMeter } from './meters/retrieve-meter.ts';
import { searchCustomers } from './customers/search-customers.ts';
import { updateCustomer } from './customers/update-customer.ts';
import { updateMeter } from './meters/update-meter.ts';
import type { AddressRules } from '../webhooks/addresses.ts';
import { createEventDestination } from './destinations/create-event-destination.ts';
import { createWebhookEndpoint } from './destinations/create-webhook-endpoint.ts';
import { deleteEventDestination } from './destinations/delete-event-destination.ts';
import { deleteWebhookEndpoint } from './destinations/delete-webhook-endpoint.ts';
import {
  disableEventDestination,
  enableEventDestination,
} from './destinations/change-event-destination-status.ts';
import { listCoreEvents } from './events/list-core-events.ts';
import { listDeliveries } from './destinations/list-deliveries.ts';
import { listEventDestinations } from './destinations/list-event-destinations.ts';
import { listEvents } from './events/list-events.ts';
import { listWebhookEndpoints } from './destinations/list-webhook-endpoints.ts';
import { pingEventDestination } from './destinations/ping-event-destination.ts';
import { retrieveCoreEvent } from './events/retrieve-core-event.ts';
import { retrieveEvent } from './events/retrieve-event.ts';
import { retrieveEventDestination } from './destinations/retrieve-event-destination.ts';
import { retrieveWebhookEndpoint } from './destinations/retrieve-webhook-endpoint.ts';
import { retryEvent } from './events/retry-event.ts';
import { rotateSigningSecret } from './destinations/rotate-signing-secret.ts';
import { updateEventDestination } from './destinations/update-event-destination.ts';
import { updateWebhookEndpoint } from './destinations/update-webhook-endpoint.ts';

export type RouteParts = {
  /** All that a request may come with, those of the environment too. */
  readonly keys: Pick<AccessParts['keys'], 'findById'>;
  readonly eventIds: EventIds;
  readonly watch: Pick<AlertWatch, 'cancelled'>;
  readonly duplicates: DuplicateComparer;
  readonly catalog: Catalog;
  readonly ingest: Ingest;
  readonly usage: UsageReader;
  readonly rules: Rules;
};
export type Rules = {
  readonly pastDays: number;
  readonly cancelWindowHours: number | undefined;
  /** `registered`: an event's customer must be one of the catalog's. */
  readonly customers: 'any' | 'registered';
  /** What a duplicate of equal content is answered over v1 and v2. */
  readonly duplicates: DuplicateRule;
  readonly sessionMinutes: number;
  /** How many events one call of the stream may bring. */
  readonly streamEventsMax: number;
  /** Webhooks may go to private addresses, and over http. */
  readonly webhookAllowPrivate: boolean;
};

/** Every method of the API. */
export function routes(parts: RouteParts): readonly Route[] {
  const { catalog, ingest, usage, eventIds, watch, duplicates, rules } = parts;
  const { meters, customers, sessions, alerts } = catalog;
  const alertParts = { alerts, meters, customers };
  const { pastDays, cancelWindowHours, sessionMinutes, streamEventsMax: eventsMax } = rules;
  const isCustomer = rules.customers === 'registered' ? registered(customers) : undefined;
  const checkCustomer = isCustomer && refuseStrangers(isCustomer);
  const eventParts: MeterEventParts = {
    meters,
    ingest,
    duplicates: new DuplicateEvents({ meters, usage, rule: rules.duplicates }),
    pastDays,
    checkCustomer,
  };
  const adjustments = new Adjustments({
    meters,
    usage,
    ingest,
    cancelWindowHours,
    onCancelled: (event) =>
      watch.cancelled({ ...event, dayMs: windowStartMs('day', event.timestampMs) }),
  });
  return [
    createMeter({ meters }),
    retrieveMeter({ meters }),
    updateMeter({ meters }),
    listMeters({ meters }),
    deactivateMeter({ meters }),
    reactivateMeter({ meters }),
    listMeterEventSummaries({ meters, usage }),
    createMeterEvent(eventParts),
    retrieveMeterEvent({ meters, usage, eventIds }),
    listMeterEvents({ meters, usage, eventIds }),
    createMeterEventV2(eventParts),
    createMeterEventStream({ meters, ingest, duplicates, pastDays, isCustomer, eventsMax }),
    createMeterEventSession({ sessions, sessionMinutes, keys: parts.keys }),
    createMeterEventAdjustment(adjustments),
    createMeterEventAdjustmentV2(adjustments),
    createAlert({ ...alertParts, ingest }),
    retrieveAlert(alertParts),
    listAlerts(alertParts),
    activateAlert({ ...alertParts, ingest }),
    deactivateAlert(alertParts),
    archiveAlert(alertParts),
    createCustomer({ customers }),
    retrieveCustomer({ customers }),
    updateCustomer({ customers }),
    deleteCustomer({ customers }),
    listCustomers({ customers }),
    searchCustomers({ customers }),
    retrieveCurrentAccount(catalog),
    retrieveAccount(catalog),
    ...webhookRoutes(catalog, { allowPrivate: rules.webhookAllowPrivate }),
  ];
}

/** Events, and where they go. */
function webhookRoutes(catalog: Catalog, addresses: AddressRules): readonly Route[] {
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

function registered(customers: Catalog['customers']): IsCustomer {
  return async (namespace, id) => {
    const customer = await customers.find(namespace, id);
    return customer !== undefined && !customer.deleted;
  };
}

function refuseStrangers(isCustomer: IsCustomer): CheckCustomer {
  return async (namespace, id, param) => {
    if (!(await isCustomer(namespace, id))) {
      throw new ApiError('resource_missing_in_body', `No such customer: '${id}'`, param);
    }
  };
}
