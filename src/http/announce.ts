/** What a request tells the world of a change that it made. */
import type { Announce } from '../catalog/core-events.ts';
import { previousAttributes, type Cause, type CoreEvent } from '../core-events/core-event.ts';
import { toRelatedObject, type Destination } from '../core-events/destination.ts';
import type { Customer } from '../customers/customer.ts';
import { newCoreEventId } from '../ids.ts';
import type { Meter } from '../meters/meter.ts';
import { modeOf } from '../namespace.ts';
import type { ApiRequest } from './api.ts';
import { presentEventDestination } from './present-destination.ts';
import { presentCustomer } from './present-customer.ts';
import { presentMeter } from './present.ts';

/** `v1.billing.meter.…` and `billing.meter.…`. */
export type MeterChange = 'created' | 'updated' | 'deactivated' | 'reactivated';

export function announceMeter(request: ApiRequest, change: MeterChange): Announce<Meter> {
  return (after, before) => {
    const object = presentMeter(after);
    const previous =
      change === 'updated' && before !== undefined
        ? previousAttributes(presentMeter(before), object)
        : null;
    return [
      {
        ...whenAndWhy(request),
        thin: { type: `v1.billing.meter.${change}`, data: null },
        snapshot: {
          type: `billing.meter.${change}`,
          object: JSON.stringify(object),
          previousAttributes: previous && JSON.stringify(previous),
        },
        relatedObject: {
          id: after.id,
          type: 'billing.meter',
          url: `/v1/billing/meters/${after.id}`,
        },
      },
    ];
  };
}

/** `v1.customer.…` and `customer.…`. The object of `deleted` is the customer as it was (stripe-node, Events.d.ts). */
export function announceCustomer(
  request: ApiRequest,
  change: 'created' | 'updated' | 'deleted',
): Announce<Customer> {
  return (after, before) => {
    const object = presentCustomer(change === 'deleted' ? (before ?? after) : after);
    const previous =
      change === 'updated' && before !== undefined
        ? previousAttributes(presentCustomer(before), object)
        : null;
    return [
      {
        ...whenAndWhy(request),
        thin: { type: `v1.customer.${change}`, data: null },
        snapshot: {
          type: `customer.${change}`,
          object: JSON.stringify(object),
          previousAttributes: previous && JSON.stringify(previous),
        },
        relatedObject: {
          id: after.id,
          type: 'customer',
          url: `/v1/customers/${encodeURIComponent(after.id)}`,
        },
      },
    ];
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
