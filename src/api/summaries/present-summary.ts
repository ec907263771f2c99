/** A summary as it stands on the wire. Shape: Stripe's OpenAPI. */
import { isLive, type Namespace } from '../../domain/namespace.ts';
import { formatQuantity, type Quantity } from '../../domain/quantity.ts';

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
