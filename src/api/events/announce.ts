/** What a request tells the world of a change that it made. */
import type { Announce } from '../../catalog/core-events.ts';
import {
  previousAttributes,
  type Cause,
  type CoreEvent,
} from '../../domain/core-events/core-event.ts';
import { toRelatedObject, type Destination } from '../../domain/core-events/destination.ts';
import type { Customer } from '../../domain/customers/customer.ts';
import { newCoreEventId } from '../../lib/ids.ts';
import type { Meter } from '../../domain/meter.ts';
import { modeOf } from '../../domain/namespace.ts';
import type { ApiRequest } from '../route.ts';
import { presentEventDestination } from '../destinations/present-destination.ts';
import { presentCustomer } from '../customers/present-customer.ts';
import { presentMeter } from '../meters/present-meter.ts';

/** `v1.billing.meter.…` and `billing.meter.…`. */
export type MeterChange = 'created' | 'updated' | 'deactivated' | 'reactivated';

export function announceMeter(request: ApiRequest, change: MeterChange): Announce<Meter> {
  return (after, before) => [
    toChange(request, `billing.meter.${change}`, {
      object: presentMeter(after),
      before: change === 'updated' && before !== undefined ? presentMeter(before) : undefined,
      relatedObject: {
        id: after.id,
        type: 'billing.meter',
        url: `/v1/billing/meters/${after.id}`,
      },
    }),
  ];
}

/** `v1.customer.…` and `customer.…`. The object of `deleted` is the customer as it was (stripe-node, Events.d.ts). */
export function announceCustomer(
  request: ApiRequest,
  change: 'created' | 'updated' | 'deleted',
): Announce<Customer> {
  return (after, before) => [
    toChange(request, `customer.${change}`, {
      object: presentCustomer(change === 'deleted' ? (before ?? after) : after),
      before: change === 'updated' && before !== undefined ? presentCustomer(before) : undefined,
      relatedObject: {
        id: after.id,
        type: 'customer',
        url: `/v1/customers/${encodeURIComponent(after.id)}`,
      },
    }),
  ];
}

type Change = Pick<CoreEvent, 'relatedObject'> & {
  readonly object: object;
  /** What it was, if `previous_attributes` shall tell. */
  readonly before: object | undefined;
};

/** One event, of both APIs: `type` is the snapshot's. */
function toChange(
  request: ApiRequest,
  type: string,
  { object, before, relatedObject }: Change,
): CoreEvent {
  return {
    ...whenAndWhy(request),
    thin: { type: `v1.${type}`, data: null },
    snapshot: {
      type,
      object: JSON.stringify(object),
      previousAttributes:
        before === undefined ? null : JSON.stringify(previousAttributes(before, object)),
    },
    relatedObject,
  };
}

/**
 * For one destination alone. Stripe's ping is a thin event; one for a destination of snapshots has the destination as
 * its object, so that what reads v1 events can read it.
 */
export function toPing(request: ApiRequest, destination: Destination): CoreEvent {
  const type = 'v2.core.event_destination.ping';
  return {
    ...whenAndWhy(request),
    thin: { type, data: null },
    snapshot:
      destination.payload === 'thin'
        ? null
        : {
            type,
            object: JSON.stringify(presentEventDestination(destination)),
            previousAttributes: null,
          },
    relatedObject: toRelatedObject(destination),
  };
}

function whenAndWhy({
  id,
  namespace,
  receivedAtMs,
  claim,
}: ApiRequest): Pick<CoreEvent, 'id' | 'namespace' | 'createdMs' | 'request'> {
  const request: Cause = { id, idempotencyKey: claim?.idempotencyKey ?? null };
  return { id: newCoreEventId(modeOf(namespace)), namespace, createdMs: receivedAtMs, request };
}
