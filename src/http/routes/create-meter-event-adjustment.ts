import type { Catalog } from '../../catalog/catalog.ts';
import { ApiError } from '../../errors.ts';
import type { Ingest } from '../../ingest/ingest.ts';
import type { StoredEvent } from '../../usage/usage-store.ts';
import type { UsageReader } from '../../usage/usage-reader.ts';
import { toReceipt, type ApiRequest, type Route } from '../api.ts';
import type { Form } from '../form.ts';
import {
  refuseExpand,
  refuseUnknown,
  requiredHash,
  requiredOneOf,
  requiredText,
  type Shape,
} from '../params.ts';
import { OneAtATime } from '../one-at-a-time.ts';
import { presentMeterEventAdjustment } from '../present.ts';

export type AdjustmentParts = {
  readonly meters: Pick<Catalog['meters'], 'ofEventName'>;
  readonly usage: Pick<UsageReader, 'findEvent'>;
  readonly ingest: Pick<Ingest, 'cancel' | 'recordReceipt'>;
  /** How long after it was received an event can be cancelled; undefined: for ever. Stripe: 24. */
  readonly cancelWindowHours: number | undefined;
};

/** POST /v1/billing/meter_event_adjustments: cancels one event. Cancelling it again changes nothing. */
export function createMeterEventAdjustment(parts: AdjustmentParts): Route {
  // Between looking whether an event is cancelled and cancelling it, nobody else may cancel it.
  const turns = new OneAtATime();
  return {
    method: 'POST',
    path: '/v1/billing/meter_event_adjustments',
    handle: async (request) => {
      const adjustment = parseAdjustment(request.form);
      const turn = `${request.namespace} ${adjustment.identifier}`;
      return await turns.run(turn, async () => await cancelMeterEvent(parts, request, adjustment));
    },
    replay: ({ form, namespace }) =>
      presentMeterEventAdjustment({ namespace, ...parseAdjustment(form) }),
  };
}

async function cancelMeterEvent(
  parts: AdjustmentParts,
  request: ApiRequest,
  adjustment: Adjustment,
): Promise<object> {
  const { namespace, receivedAtMs } = request;
  const { event, cancellation } = await findEvent(parts, request, adjustment);
  const receipt = toReceipt(request);
  if (cancellation === undefined) {
    refuseTooLate(event.receivedAtMs, receivedAtMs, parts.cancelWindowHours);
    const { meterId, customer, timestampMs, sequence, identifier } = event;
    await parts.ingest.cancel(
      {
        namespace,
        meterId,
        customer,
        timestampMs,
        sequence,
        identifier,
        cancelledAtMs: receivedAtMs,
        requestId: request.id,
      },
      receipt,
    );
  } else if (receipt !== undefined) await parts.ingest.recordReceipt(receipt);
  return presentMeterEventAdjustment({ namespace, ...adjustment });
}

async function findEvent(
  parts: AdjustmentParts,
  { namespace }: ApiRequest,
  { eventName, identifier }: Adjustment,
): Promise<StoredEvent> {
  const meters = parts.meters.ofEventName(namespace, eventName);
  if (meters.length === 0) {
    throw new ApiError('no_meter', `No meter found for event name "${eventName}".`, 'event_name');
  }
  const meterIds = meters.map((meter) => meter.id);
  const found = await parts.usage.findEvent(namespace, meterIds, identifier);
  if (found !== undefined) return found;
  throw new ApiError(
    'parameter_invalid',
    `No event found with identifier ${identifier} for event name "${eventName}".`,
    'cancel[identifier]',
  );
}

function refuseTooLate(eventReceivedAtMs: number, nowMs: number, hours: number | undefined): void {
  if (hours === undefined || nowMs - eventReceivedAtMs <= hours * 3_600_000) return;
  throw new ApiError(
    'cancel_too_late',
    `Only events received in the last ${hours} hours can be cancelled.`,
    'cancel[identifier]',
  );
}

type Adjustment = { readonly eventName: string; readonly identifier: string };

const SHAPE: Shape = { type: true, event_name: true, cancel: { identifier: true }, expand: true };

function parseAdjustment(form: Form): Adjustment {
  refuseUnknown(form, SHAPE);
  refuseExpand(form);
  requiredOneOf(form, 'type', ['cancel']);
  const eventName = requiredText(form, 'event_name', 100);
  requiredHash(form, 'cancel');
  return { eventName, identifier: requiredText(form, 'cancel[identifier]', 100) };
}
