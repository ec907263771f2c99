/**
 * Core events as they stand on the wire: of v1 with the object as it was, of v2 without. Shapes: stripe-node 23,
 * `Events.d.ts` and `V2/Core/Events.d.ts`. What is delivered and what is fetched is made here alike.
 */
import { API_VERSION } from '../api-version.ts';
import { toSeconds } from '../clock.ts';
import { isLive } from '../namespace.ts';
import { formatRfc3339 } from '../rfc3339.ts';
import type { CoreEvent, Json, Payload } from './core-event.ts';

/** v1's `event`. Only for an event that has a snapshot. */
export function presentSnapshotEvent(
  event: CoreEvent & { readonly pendingWebhooks: number },
  apiVersion: string = API_VERSION,
): object {
  const { snapshot, request } = event;
  if (snapshot === null) throw new Error(`${event.id} has no snapshot`);
  const { object, previousAttributes } = snapshot;
  return {
    id: event.id,
    object: 'event',
    api_version: apiVersion,
    created: toSeconds(event.createdMs),
    data: {
      object: parseExactly(object),
      ...(previousAttributes === null
        ? {}
        : { previous_attributes: parseExactly(previousAttributes) }),
    },
    livemode: isLive(event.namespace),
    pending_webhooks: event.pendingWebhooks,
    request: {
      id: request?.id ?? null,
      idempotency_key: request?.idempotencyKey ?? null,
    },
    type: snapshot.type,
  };
}

/** What a destination of thin events is sent. The rest is fetched. */
export function presentNotification(event: CoreEvent): object {
  const { thin, relatedObject, request } = event;
  if (thin === null) throw new Error(`${event.id} has no thin type`);
  return {
    id: event.id,
    object: 'v2.core.event',
    context: null,
    created: formatRfc3339(event.createdMs),
    livemode: isLive(event.namespace),
    reason:
      request === null
        ? null
        : {
            type: 'request',
            request: { id: request.id, idempotency_key: request.idempotencyKey },
          },
    related_object: relatedObject,
    // Both APIs tell of one fact under one id.
    ...(event.snapshot === null ? {} : { snapshot_event: event.id }),
    type: thin.type,
  };
}

/** v2's `v2.core.event`, as fetched: the notification and its data. */
export function presentThinEvent(event: CoreEvent): object {
  const data = event.thin?.data ?? null;
  return { ...presentNotification(event), ...(data === null ? {} : { data: parseExactly(data) }) };
}

/** The body of a delivery. */
export function deliveryBody(
  event: CoreEvent & { readonly pendingWebhooks: number },
  payload: Payload,
  apiVersion: string | null,
): string {
  return JSON.stringify(
    payload === 'thin'
      ? presentNotification(event)
      : presentSnapshotEvent(event, apiVersion ?? API_VERSION),
  );
}

/** Parses JSON so that JSON.stringify writes each number with the digits that it came with. */
export function parseExactly(json: Json): unknown {
  return JSON.parse(json, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? JSON.rawJSON(source) : value,
  );
}
