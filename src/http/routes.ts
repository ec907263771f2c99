import type { AlertWatch } from '../watch/alert-watch.ts';
import type { DuplicateComparer } from '../watch/duplicate-comparer.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { ApiError } from '../domain/errors.ts';
import type { Ingest } from '../ingest/ingest.ts';
import { windowStartMs } from '../domain/windows.ts';
import type { UsageReader } from '../usage/usage-reader.ts';
import type { AccessParts } from './access.ts';
import type { Route } from './api.ts';
import { DuplicateEvents, type DuplicateRule } from './duplicate-events.ts';
import type { EventIds } from './event-ids.ts';
import { Adjustments } from './meter-event-adjustments.ts';
import type { CheckCustomer, MeterEventParts } from './meter-events.ts';
import { activateAlert } from './routes/activate-alert.ts';
import { archiveAlert } from './routes/archive-alert.ts';
import { createAlert } from './routes/create-alert.ts';
import { createCustomer } from './routes/create-customer.ts';
import { createMeterEventAdjustment } from './routes/create-meter-event-adjustment.ts';
import { createMeterEventAdjustmentV2 } from './routes/create-meter-event-adjustment-v2.ts';
import { createMeterEventSession } from './routes/create-meter-event-session.ts';
import { createMeterEventStream, type IsCustomer } from './routes/create-meter-event-stream.ts';
import { createMeterEventV2 } from './routes/create-meter-event-v2.ts';
import { createMeterEvent } from './routes/create-meter-event.ts';
import { createMeter } from './routes/create-meter.ts';
import { deactivateAlert } from './routes/deactivate-alert.ts';
import { deactivateMeter } from './routes/deactivate-meter.ts';
import { deleteCustomer } from './routes/delete-customer.ts';
import { listAlerts } from './routes/list-alerts.ts';
import { listCustomers } from './routes/list-customers.ts';
import { listMeterEvents } from './routes/list-meter-events.ts';
import { listMeterEventSummaries } from './routes/list-meter-event-summaries.ts';
import { listMeters } from './routes/list-meters.ts';
import { reactivateMeter } from './routes/reactivate-meter.ts';
import { retrieveAccount, retrieveCurrentAccount } from './routes/retrieve-account.ts';
import { retrieveAlert } from './routes/retrieve-alert.ts';
import { retrieveCustomer } from './routes/retrieve-customer.ts';
import { retrieveMeterEvent } from './routes/retrieve-meter-event.ts';
import { retrieveMeter } from './routes/retrieve-meter.ts';
import { searchCustomers } from './routes/search-customers.ts';
import { updateCustomer } from './routes/update-customer.ts';
import { updateMeter } from './routes/update-meter.ts';
import { webhookRoutes } from './webhook-routes.ts';

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
