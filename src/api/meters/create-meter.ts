import { toSeconds } from '../../domain/time.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { newMeterId } from '../../lib/ids.ts';
import { EVENT_TIME_WINDOWS, FORMULAS, type Meter } from '../../domain/meter.ts';
import { modeOf } from '../../domain/namespace.ts';
import { announceMeter } from '../events/announce.ts';
import { remember, type ApiRequest, type Route } from '../route.ts';
import {
  hash,
  oneOf,
  refuseExpand,
  refuseUnknown,
  requiredHash,
  requiredOneOf,
  requiredText,
  type Shape,
} from '../read/params.ts';
import { presentMeter } from './present-meter.ts';

const SHAPE: Shape = {
  display_name: true,
  event_name: true,
  default_aggregation: { formula: true },
  customer_mapping: { type: true, event_payload_key: true },
  value_settings: { event_payload_key: true },
  event_time_window: true,
  expand: true,
};

/** POST /v1/billing/meters */
export function createMeter({ meters }: Pick<Catalog, 'meters'>): Route {
  return {
    method: 'POST',
    path: '/v1/billing/meters',
    scope: 'meters.write',
    handle: async (request) => {
      const meter = parseMeter(request);
      await meters.create(
        meter,
        remember(request, presentMeter),
        announceMeter(request, 'created'),
      );
      return presentMeter(meter);
    },
  };
}

function parseMeter({ form, namespace, receivedAtMs }: ApiRequest): Meter {
  refuseUnknown(form, SHAPE);
  refuseExpand(form);
  const createdS = toSeconds(receivedAtMs);
  requiredHash(form, 'default_aggregation');
  return {
    id: newMeterId(modeOf(namespace)),
    namespace,
    displayName: requiredText(form, 'display_name', 250),
    eventName: requiredText(form, 'event_name', 100),
    formula: requiredOneOf(form, 'default_aggregation[formula]', FORMULAS),
    eventTimeWindow: oneOf(form, 'event_time_window', EVENT_TIME_WINDOWS) ?? null,
    customerKey: customerKey(form),
    valueKey:
      hash(form, 'value_settings') === undefined
        ? 'value'
        : requiredText(form, 'value_settings[event_payload_key]', 100),
    status: 'active',
    createdS,
    updatedS: createdS,
    deactivatedAtS: null,
  };
}

function customerKey(form: ApiRequest['form']): string {
  if (hash(form, 'customer_mapping') === undefined) return 'stripe_customer_id';
  requiredOneOf(form, 'customer_mapping[type]', ['by_id']);
  return requiredText(form, 'customer_mapping[event_payload_key]', 100);
}
