/** The objects of the v2 API as they stand on the wire: one function a resource. Shapes: Stripe's OpenAPI. */
import type { Session } from '../catalog/catalog.ts';
import { adjustmentId } from '../lib/ids.ts';
import { isLive, modeOf } from '../domain/namespace.ts';
import { formatRfc3339 } from '../domain/rfc3339.ts';
import type { AnsweredAdjustment } from './meter-event-adjustments.ts';
import type { AnsweredEvent } from './meter-events.ts';
import { toObject } from './present.ts';

export function presentMeterEventV2(event: AnsweredEvent): object {
  return {
    object: 'v2.billing.meter_event',
    created: formatRfc3339(event.createdMs),
    event_name: event.eventName,
    identifier: event.identifier,
    livemode: isLive(event.namespace),
    payload: toObject(event.payload),
    timestamp: formatRfc3339(event.timestampMs),
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

export function presentMeterEventSession(session: Session, token: string): object {
  return {
    id: session.id,
    object: 'v2.billing.meter_event_session',
    authentication_token: token,
    created: formatRfc3339(session.createdMs),
    expires_at: formatRfc3339(session.expiresAtMs),
    livemode: isLive(session.namespace),
  };
}
