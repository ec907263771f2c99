/**
 * Core events as they stand on the wire: of v1 with the object as it was, of v2 without. Shapes: stripe-node 23,
 * `Events.d.ts` and `V2/Core/Events.d.ts`. What is delivered and what is fetched is made here alike.
 */
import { parseJson } from '../parse-json.ts';
import { toSeconds } from '../time.ts';
import { isLive } from '../namespace.ts';
import { formatRfc3339 } from '../rfc3339.ts';
import type { CoreEvent, Json } from './core-event.ts';

/**
 * v1's `event`. Only for an event that has a snapshot. Its objects have the same fields in every version of Stripe's API, so
 * it says the one that its reader asks for: SDKs of Go, Java and .NET read no event of another release train than their own.
 */
export function presentSnapshotEvent(
  event: CoreEvent & { readonly pendingWebhooks: number },
  apiVersion: string,
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

/**
 * v2's `v2.core.event`, as fetched. Stripe tells no `changes` of objects of v1, and so none here (docs: types of events).
 * What is not there is null: stripe-python throws for a field that is left out.
 */
export function presentThinEvent(event: CoreEvent): Record<string, unknown> {
  const { id, thin, snapshot } = event;
  if (thin === null) throw new Error(`${id} has no thin type`);
  return {
    id,
    object: 'v2.core.event',
    changes: null,
    context: null,
    created: formatRfc3339(event.createdMs),
    data: parseExactly(thin.data ?? '{}'),
    livemode: isLive(event.namespace),
    reason: reasonOf(event),
    related_object: event.relatedObject,
    // Both APIs tell of one fact under one id.
    ...(snapshot === null ? {} : { snapshot_event: id }),
    type: thin.type,
  };
}

/**
 * What a destination of thin events is sent of an event; `changes` and `data` are fetched. A `reason` or `related_object`
 * that is not there is left out: stripe-php takes a null for an object.
 */
export function toNotification(fetched: Readonly<Record<string, unknown>>): object {
  const { changes: _, data: __, reason, related_object: related, ...rest } = fetched;
  return {
    ...rest,
    ...(reason === null ? {} : { reason }),
    ...(related === null ? {} : { related_object: related }),
  };
}

/** The key is a string in v2, also where the request had none (schema of its events). */
function reasonOf({ request }: CoreEvent): object | null {
  if (request === null) return null;
  const { id, idempotencyKey } = request;
  return { type: 'request', request: { id, idempotency_key: idempotencyKey ?? '' } };
}

/** The body of a delivery; without a version it is thin. */
export function deliveryBody(
  event: CoreEvent & { readonly pendingWebhooks: number },
  snapshotVersion: string | null,
): string {
  return JSON.stringify(
    snapshotVersion === null
      ? toNotification(presentThinEvent(event))
      : presentSnapshotEvent(event, snapshotVersion),
  );
}

/** Parses JSON so that JSON.stringify writes each number with the digits that it came with. */
export function parseExactly(json: Json): unknown {
  return parseJson(json, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? JSON.rawJSON(source) : value,
  );
}
