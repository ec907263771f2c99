/** Destinations as v1 and as v2 show them, and what is on record of their deliveries. Shapes: stripe-node 23. */
import { toSeconds } from '../../domain/time.ts';
import type { Attempt, Delivery } from '../../domain/core-events/delivery.ts';
import type { Destination } from '../../domain/core-events/destination.ts';
import { isLive } from '../../domain/namespace.ts';
import { formatRfc3339 } from '../../domain/rfc3339.ts';
import { toObject } from '../present/texts.ts';

/** `secret`: only in the answer to its creation. */
export function presentWebhookEndpoint(destination: Destination, secret?: string): object {
  const { id } = destination;
  if (destination.deleted) return { id, object: 'webhook_endpoint', deleted: true };
  return {
    id,
    object: 'webhook_endpoint',
    api_version: destination.apiVersion,
    application: null,
    created: toSeconds(destination.createdMs),
    description: destination.description,
    enabled_events: destination.enabledEvents,
    livemode: isLive(destination.namespace),
    metadata: toObject(destination.metadata),
    ...(secret === undefined ? {} : { secret }),
    status: destination.status,
    url: destination.url,
  };
}

/** What v2 shows only when a call asks for it. */
export type Included = { readonly url?: boolean; readonly secret?: boolean };

export function presentEventDestination(destination: Destination, included: Included = {}): object {
  const { id, url, secret, disabledReason, apiVersion } = destination;
  const object = 'v2.core.event_destination';
  if (destination.deleted) return { id, object };
  return {
    id,
    object,
    created: formatRfc3339(destination.createdMs),
    description: destination.description ?? '',
    enabled_events: destination.enabledEvents,
    event_payload: destination.payload,
    events_from: ['@self'],
    livemode: isLive(destination.namespace),
    metadata: toObject(destination.metadata),
    name: destination.name,
    snapshot_api_version: apiVersion,
    status: destination.status,
    status_details: disabledReason === null ? null : { disabled: { reason: disabledReason } },
    type: 'webhook_endpoint',
    updated: formatRfc3339(destination.updatedMs),
    webhook_endpoint: {
      signing_secret: included.secret === true ? secret : null,
      url: included.url === true ? url : null,
    },
  };
}

/**
 * The answer that showed a secret, to another key than the one that asked for it: as the destination is shown ever after
 * (v1 leaves the secret out, in v2 it is null).
 */
export function hideSecret(answer: object): object {
  const shown: Record<string, unknown> = { ...answer };
  delete shown['secret'];
  const endpoint = shown['webhook_endpoint'];
  if (typeof endpoint === 'object')
    shown['webhook_endpoint'] = { ...endpoint, signing_secret: null };
  return shown;
}

/** Stripe has no such object. A delivery is named by its event: there is one of each for a destination. */
export function presentDelivery(delivery: Delivery): object {
  return {
    id: delivery.eventId,
    object: 'webhook_endpoint.delivery',
    event: delivery.eventId,
    event_created: toSeconds(delivery.eventCreatedMs),
    event_type: delivery.eventType,
    status: delivery.state,
    next_attempt: delivery.dueMs === null ? null : toSeconds(delivery.dueMs),
    attempts: delivery.attempts.map(presentAttempt),
  };
}

function presentAttempt(attempt: Attempt): object {
  return {
    attempted: formatRfc3339(attempt.startedMs),
    duration_ms: attempt.durationMs,
    http_status: attempt.status,
    response: attempt.answer,
    error: attempt.error,
  };
}
