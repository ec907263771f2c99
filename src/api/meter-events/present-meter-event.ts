/** A recorded event as v1 and as v2 answer it. Shapes: Stripe's OpenAPI. */
import { isLive } from '../../domain/namespace.ts';
import { formatRfc3339 } from '../../domain/rfc3339.ts';
import { toSeconds } from '../../domain/time.ts';
import { toObject } from '../present/texts.ts';
import type { AnsweredEvent } from './meter-events.ts';

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
