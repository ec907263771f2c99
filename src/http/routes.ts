import type { Catalog } from '../catalog/catalog.ts';
import { ApiError } from '../errors.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { UsageReader } from '../usage/usage-reader.ts';
import type { Route } from './api.ts';
import type { CheckCustomer } from './meter-events.ts';
import { createCustomer } from './routes/create-customer.ts';
import { createMeterEventAdjustment } from './routes/create-meter-event-adjustment.ts';
import { createMeterEventStream, type IsCustomer } from './routes/create-meter-event-stream.ts';
import { createMeterEvent } from './routes/create-meter-event.ts';
import { createMeter } from './routes/create-meter.ts';
import { deactivateMeter } from './routes/deactivate-meter.ts';
import { deleteCustomer } from './routes/delete-customer.ts';
import { listCustomers } from './routes/list-customers.ts';
import { listMeterEventSummaries } from './routes/list-meter-event-summaries.ts';
import { listMeters } from './routes/list-meters.ts';
import { reactivateMeter } from './routes/reactivate-meter.ts';
import { retrieveCustomer } from './routes/retrieve-customer.ts';
import { retrieveMeter } from './routes/retrieve-meter.ts';
import { updateCustomer } from './routes/update-customer.ts';
import { updateMeter } from './routes/update-meter.ts';

export type RouteParts = {
  readonly catalog: Catalog;
  readonly ingest: Ingest;
  readonly usage: UsageReader;
  readonly rules: Rules;
};
export type Rules = {
  readonly pastDays: number;
  readonly cancelWindowHours: number | undefined;
  readonly streamEventsMax: number;
  /** `registered`: an event's customer must be one of the catalog's. */
  readonly customers: 'any' | 'registered';
};

/** Every method of the API. */
export function routes({ catalog, ingest, usage, rules }: RouteParts): readonly Route[] {
  const { meters, customers } = catalog;
  const isCustomer = rules.customers === 'registered' ? registered(customers) : undefined;
  const checkCustomer = isCustomer && refuseStrangers(isCustomer);
  return [
    createMeter({ meters }),
    retrieveMeter({ meters }),
    updateMeter({ meters }),
    listMeters({ meters }),
    deactivateMeter({ meters }),
    reactivateMeter({ meters }),
    listMeterEventSummaries({ meters, usage }),
    createMeterEvent({ meters, ingest, pastDays: rules.pastDays, checkCustomer }),
    createMeterEventStream({
      meters,
      ingest,
      pastDays: rules.pastDays,
      isCustomer,
      eventsMax: rules.streamEventsMax,
    }),
    createMeterEventAdjustment({
      meters,
      usage,
      ingest,
      cancelWindowHours: rules.cancelWindowHours,
    }),
    createCustomer({ customers }),
    retrieveCustomer({ customers }),
    updateCustomer({ customers }),
    deleteCustomer({ customers }),
    listCustomers({ customers }),
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
