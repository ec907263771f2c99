/**
 * An event that was looked up: Stripe's `billing.meter_event`, and beside it what became of it. The status has the
 * fields of its own filled in, the others null.
 */
import { toSeconds } from '../../domain/time.ts';
import type { RejectedEvent } from '../../domain/meter-events/meter-event.ts';
import { wholePayload } from '../../domain/meter-events/measure.ts';
import { readSent, saidTimeMs } from '../../domain/meter-events/said-time.ts';
import { isLive } from '../../domain/namespace.ts';
import { formatQuantity } from '../../domain/quantity.ts';
import type { EventIds } from './event-ids.ts';
import type { ShownEvent } from './event-look-up.ts';
import { toObject } from '../present/texts.ts';

export function presentFoundEvent(ids: EventIds, shown: ShownEvent): object {
  return 'event' in shown ? presentAccepted(ids, shown) : presentRejected(ids, shown.rejected);
}

function presentAccepted(
  ids: EventIds,
  { event, meter, state }: Extract<ShownEvent, { event: unknown }>,
): object {
  const { namespace, sequence } = event;
  return {
    id: ids.toId(namespace, sequence),
    object: 'billing.meter_event',
    cancellation:
      state.status === 'cancelled'
        ? { cancelled_at: toSeconds(state.cancelledAtMs), request: state.requestId }
        : null,
    created: toSeconds(event.receivedAtMs),
    customer: event.customer,
    duplicate_of: null,
    event_name: meter.eventName,
    identifier: event.identifier,
    livemode: isLive(namespace),
    meter: meter.id,
    payload: toObject(wholePayload(meter, event)),
    rejection: null,
    status: state.status,
    superseded_by:
      state.status === 'superseded'
        ? { id: ids.toId(namespace, state.by.sequence), identifier: state.by.identifier }
        : null,
    timestamp: toSeconds(event.timestampMs),
    value: formatQuantity(event.value),
  };
}

/** What could not be read of it is null. */
function presentRejected(ids: EventIds, rejected: RejectedEvent): object {
  const { namespace, code, message, requestId, duplicateOf } = rejected;
  const timestampMs = saidTimeMs(rejected);
  return {
    id: ids.toId(namespace, rejected.sequence),
    object: 'billing.meter_event',
    cancellation: null,
    created: toSeconds(rejected.receivedAtMs),
    customer: null,
    duplicate_of:
      duplicateOf === undefined
        ? null
        : { id: ids.toId(namespace, duplicateOf), identifier: rejected.identifier },
    event_name: orNull(rejected.eventName),
    identifier: orNull(rejected.identifier),
    livemode: isLive(namespace),
    meter: orNull(rejected.meterId),
    payload: readSent(rejected.sent)?.payload ?? null,
    rejection: { code, message, request: requestId, sent: rejected.sent },
    status: duplicateOf === undefined ? 'rejected' : 'duplicate',
    superseded_by: null,
    timestamp: timestampMs === undefined ? null : toSeconds(timestampMs),
    value: null,
  };
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}
