/** Core events as rows of `core_events`, to and fro. */
import type { CoreEvent } from '../../domain/core-events/core-event.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { FoundCoreEvent } from '../core-events.ts';

export type CoreEventRow = {
  readonly namespace: Namespace;
  readonly id: string;
  readonly createdMs: number;
  readonly thinType: string | null;
  readonly data: string | null;
  readonly snapshotType: string | null;
  readonly snapshot: string | null;
  readonly previousAttributes: string | null;
  readonly objectId: string | null;
  readonly objectType: string | null;
  readonly objectUrl: string | null;
  readonly requestId: string | null;
  readonly idempotencyKey: string | null;
};
export type FoundCoreEventRow = CoreEventRow & { readonly pendingWebhooks: number };

export const INSERT_CORE_EVENT = `
  INSERT INTO core_events
    (namespace, id, created_ms, thin_type, data, snapshot_type, snapshot, previous_attributes,
     object_id, object_type, object_url, request_id, idempotency_key)
  VALUES
    (@namespace, @id, @createdMs, @thinType, @data, @snapshotType, @snapshot, @previousAttributes,
     @objectId, @objectType, @objectUrl, @requestId, @idempotencyKey)`;

/** The deliveries of `e` that have not succeeded. What went to a destination that was deleted since is dropped later. */
export const UNSENT = `
  FROM deliveries AS of_event
    JOIN destinations AS gone_or_not
      ON gone_or_not.ordinal = of_event.destination AND gone_or_not.deleted = 0
  WHERE of_event.event = e.ordinal AND of_event.state <> 'succeeded'`;

/** For a FROM that calls the table `e`. */
export const CORE_EVENT_COLUMNS = `
  e.namespace, e.id, e.created_ms AS createdMs, e.thin_type AS thinType, e.data,
  e.snapshot_type AS snapshotType, e.snapshot, e.previous_attributes AS previousAttributes,
  e.object_id AS objectId, e.object_type AS objectType, e.object_url AS objectUrl,
  e.request_id AS requestId, e.idempotency_key AS idempotencyKey,
  (SELECT count(*) ${UNSENT}) AS pendingWebhooks`;

export function toCoreEventRow(event: CoreEvent): CoreEventRow {
  const { thin, snapshot, relatedObject, request } = event;
  return {
    namespace: event.namespace,
    id: event.id,
    createdMs: event.createdMs,
    thinType: thin?.type ?? null,
    data: thin?.data ?? null,
    snapshotType: snapshot?.type ?? null,
    snapshot: snapshot?.object ?? null,
    previousAttributes: snapshot?.previousAttributes ?? null,
    objectId: relatedObject?.id ?? null,
    objectType: relatedObject?.type ?? null,
    objectUrl: relatedObject?.url ?? null,
    requestId: request?.id ?? null,
    idempotencyKey: request?.idempotencyKey ?? null,
  };
}

export function fromCoreEventRow(row: FoundCoreEventRow): FoundCoreEvent {
  const { thinType, snapshotType, snapshot, objectId, objectType, objectUrl, requestId } = row;
  return {
    id: row.id,
    namespace: row.namespace,
    createdMs: row.createdMs,
    thin: thinType === null ? null : { type: thinType, data: row.data },
    snapshot:
      snapshotType === null || snapshot === null
        ? null
        : { type: snapshotType, object: snapshot, previousAttributes: row.previousAttributes },
    relatedObject:
      objectId === null || objectType === null || objectUrl === null
        ? null
        : { id: objectId, type: objectType, url: objectUrl },
    request: requestId === null ? null : { id: requestId, idempotencyKey: row.idempotencyKey },
    pendingWebhooks: row.pendingWebhooks,
  };
}
