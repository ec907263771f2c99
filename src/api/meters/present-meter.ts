/** A meter as it stands on the wire. Shape: Stripe's OpenAPI. */
import type { Meter } from '../../domain/meter.ts';
import { isLive } from '../../domain/namespace.ts';

export function presentMeter(meter: Meter): object {
  return {
    id: meter.id,
    object: 'billing.meter',
    created: meter.createdS,
    customer_mapping: { event_payload_key: meter.customerKey, type: 'by_id' },
    default_aggregation: { formula: meter.formula },
    display_name: meter.displayName,
    event_name: meter.eventName,
    event_time_window: meter.eventTimeWindow,
    livemode: isLive(meter.namespace),
    status: meter.status,
    status_transitions: { deactivated_at: meter.deactivatedAtS },
    updated: meter.updatedS,
    value_settings: { event_payload_key: meter.valueKey },
  };
}
