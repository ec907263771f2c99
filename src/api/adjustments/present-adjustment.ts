/** A cancellation as v1 and as v2 answer it. Shapes: Stripe's OpenAPI. */
import { isLive, modeOf } from '../../domain/namespace.ts';
import { formatRfc3339 } from '../../domain/rfc3339.ts';
import { adjustmentId } from '../../lib/ids.ts';
import type { AnsweredAdjustment } from './meter-event-adjustments.ts';

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

/**
 * Always `complete`: when it is answered, the sums leave the event out. The id is made from what the
 * adjustment is, so that a retry under an Idempotency-Key is answered with the same one.
 */
export function presentMeterEventAdjustmentV2(adjustment: AnsweredAdjustment): object {
  const { namespace, eventName, identifier, createdMs } = adjustment;
  const facts = JSON.stringify([namespace, eventName, identifier, createdMs]);
  return {
    id: adjustmentId(modeOf(namespace), facts),
    object: 'v2.billing.meter_event_adjustment',
    cancel: { identifier },
    created: formatRfc3339(createdMs),
    event_name: eventName,
    livemode: isLive(namespace),
    status: 'complete',
    type: 'cancel',
  };
}
