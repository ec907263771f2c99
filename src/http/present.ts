/** The objects of the API as they stand on the wire: one function a resource. Shapes: Stripe's OpenAPI. */
import { toSeconds } from '../domain/time.ts';
import type { PageQuery } from '../catalog/catalog.ts';
import type { Meter } from '../domain/meter.ts';
import { isLive, type Namespace } from '../domain/namespace.ts';
import { formatQuantity, type Quantity } from '../domain/quantity.ts';
import type { AnsweredAdjustment } from './meter-event-adjustments.ts';
import type { AnsweredEvent } from './meter-events.ts';
import { fitPage } from './page-bytes.ts';

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

export function presentMeterEvent(event: AnsweredEvent): object {
  return {
    object: 'billing.meter_event',
    created: toSeconds(event.createdMs),
    event_name: event.eventName,
    identifier: event.identifier,
    livemode: isLive(event.namespace),
    payload: toObject(event.payload),
    timestamp: toSeconds(event.timestampMs),
  };
}

/** As Object.fromEntries, in a third of the time. `__proto__` is a key like any other. */
export function toObject(texts: ReadonlyMap<string, string>): Record<string, string> {
  const object: Record<string, string> = {};
  for (const [key, value] of texts) {
    if (key === '__proto__') Object.defineProperty(object, key, { ...OWN, value });
    else object[key] = value;
  }
  return object;
}

const OWN = { enumerable: true, configurable: true, writable: true } as const;

/** Always `complete`: when it is answered, the sums leave the event out. */
export function presentMeterEventAdjustment(adjustment: AnsweredAdjustment): object {
  return {
    object: 'billing.meter_event_adjustment',
    cancel: { identifier: adjustment.identifier },
    event_name: adjustment.eventName,
    livemode: isLive(adjustment.namespace),
    status: 'complete',
    type: 'cancel',
  };
}

export function presentMeterEventSummary(summary: {
  readonly id: string;
  readonly namespace: Namespace;
  readonly meterId: string;
  readonly value: Quantity;
  readonly startTimeS: number;
  readonly endTimeS: number;
}): object {
  return {
    id: summary.id,
    object: 'billing.meter_event_summary',
    aggregated_value: JSON.rawJSON(formatQuantity(summary.value)),
    // Most SDKs read the number into a float.
    aggregated_value_decimal: formatQuantity(summary.value),
    end_time: summary.endTimeS,
    livemode: isLive(summary.namespace),
    meter: summary.meterId,
    start_time: summary.startTimeS,
  };
}

/** A page of these rows, or of as many of them as a page may hold. */
export function presentList(
  url: string,
  query: Pick<PageQuery, 'endingBefore'>,
  shown: readonly object[],
  mayContinue: boolean,
): object {
  const { rows, hasMore } = fitPage(query, shown, mayContinue);
  return { object: 'list', data: rows, has_more: hasMore, url };
}
