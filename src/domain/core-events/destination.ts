/**
 * A destination is told of events: Stripe's v1 webhook endpoint and v2 event destination are two views of it. v1 shows
 * those that take snapshots, v2 shows all.
 */
import type { Namespace } from '../namespace.ts';
import type { CoreEvent, Payload, RelatedObject } from './core-event.ts';

export type Destination = {
  readonly id: string;
  readonly namespace: Namespace;
  readonly name: string;
  readonly description: string | null;
  readonly payload: Payload;
  /** Types of events, or `*` for all. */
  readonly enabledEvents: readonly string[];
  readonly url: string;
  /** What snapshots say their version is; null where events are thin, which have none. */
  readonly apiVersion: string | null;
  readonly metadata: ReadonlyMap<string, string>;
  readonly status: 'enabled' | 'disabled';
  readonly disabledReason: DisabledReason | null;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** What deliveries are signed with, so it cannot be kept as a hash. */
  readonly secret: string;
  /** The one before a rotation, until it ends. */
  readonly previousSecret: { readonly secret: string; readonly expiresAtMs: number } | null;
  /** When the deliveries began to fail without one that succeeded since. */
  readonly failingSinceMs: number | null;
  readonly deleted: boolean;
};

export type DisabledReason = 'user' | 'failures';

/** What a user may change. */
export type Edit = Partial<
  Pick<Destination, 'name' | 'description' | 'enabledEvents' | 'url' | 'metadata'>
>;

/** Stripe's limit, of each mode: each event costs a row for every destination that wants it. */
export const DESTINATIONS_MAX = 16;

/** Failing for so long without one success, a destination is disabled: as long as one event is tried. */
export const DISABLE_AFTER_MS = 3 * 24 * 60 * 60 * 1000;

/** Stripe's longest, and what it takes to bring a new secret to every server. */
export const SECRET_OVERLAP_HOURS_MAX = 24;

export function wants(
  destination: Pick<Destination, 'payload' | 'enabledEvents' | 'status' | 'deleted'>,
  event: Pick<CoreEvent, 'thin' | 'snapshot'>,
): boolean {
  if (destination.status !== 'enabled' || destination.deleted) return false;
  const type = event[destination.payload]?.type;
  if (type === undefined) return false;
  return destination.enabledEvents.some((enabled) => enabled === '*' || enabled === type);
}

/** The same object when nothing differs afterwards. */
export function edit(destination: Destination, changes: Edit, nowMs: number): Destination {
  const edited = { ...destination, ...changes };
  if (JSON.stringify(toPlain(edited)) === JSON.stringify(toPlain(destination))) return destination;
  return { ...edited, updatedMs: nowMs };
}

function toPlain({ name, description, enabledEvents, url, metadata }: Destination): unknown {
  return [name, description, enabledEvents, url, [...metadata]];
}

/** Disabling twice keeps the first reason, and is the same object. */
export function disable(
  destination: Destination,
  reason: DisabledReason,
  nowMs: number,
): Destination {
  if (destination.status === 'disabled') return destination;
  return { ...destination, status: 'disabled', disabledReason: reason, updatedMs: nowMs };
}

/** Begins afresh: what failed before is forgotten. */
export function enable(destination: Destination, nowMs: number): Destination {
  if (destination.status === 'enabled') return destination;
  return {
    ...destination,
    status: 'enabled',
    disabledReason: null,
    failingSinceMs: null,
    updatedMs: nowMs,
  };
}

/** A deleted one keeps its place for a cursor, and nothing else. */
export function erase(destination: Destination): Destination {
  return {
    ...destination,
    url: '',
    secret: '',
    previousSecret: null,
    description: null,
    metadata: new Map(),
    deleted: true,
  };
}

/** The old secret stays valid until `previousUntilMs`; one from an earlier rotation ends now. */
export function rotateSecret(
  destination: Destination,
  secret: string,
  previousUntilMs: number,
  nowMs: number,
): Destination {
  const isKept = previousUntilMs > nowMs;
  return {
    ...destination,
    secret,
    previousSecret: isKept ? { secret: destination.secret, expiresAtMs: previousUntilMs } : null,
    updatedMs: nowMs,
  };
}

/** What a delivery is signed with at that time, the newest first. */
export function secretsAt(
  { secret, previousSecret }: Pick<Destination, 'secret' | 'previousSecret'>,
  nowMs: number,
): readonly string[] {
  if (previousSecret === null || previousSecret.expiresAtMs <= nowMs) return [secret];
  return [secret, previousSecret.secret];
}

/** After a delivery: since when it has been failing, or null. */
export function failingSince(
  { failingSinceMs }: Pick<Destination, 'failingSinceMs'>,
  succeeded: boolean,
  nowMs: number,
): number | null {
  return succeeded ? null : (failingSinceMs ?? nowMs);
}

export function isToBeDisabled(failingSinceMs: number | null, nowMs: number): boolean {
  return failingSinceMs !== null && nowMs - failingSinceMs >= DISABLE_AFTER_MS;
}

export function toRelatedObject({ id }: Pick<Destination, 'id'>): RelatedObject {
  return {
    id,
    type: 'v2.core.event_destination',
    url: `/v2/core/event_destinations/${id}`,
  };
}

/** Tells that we gave a destination up. Stripe sends a mail instead, so the type is ours; v1 has none for it. */
export function toDisabledEvent(
  destination: Pick<Destination, 'id' | 'namespace'>,
  eventId: string,
  nowMs: number,
): CoreEvent {
  return {
    id: eventId,
    namespace: destination.namespace,
    createdMs: nowMs,
    thin: { type: 'v2.core.event_destination.disabled', data: null },
    snapshot: null,
    relatedObject: toRelatedObject(destination),
    request: null,
  };
}
