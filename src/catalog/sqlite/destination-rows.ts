/** Destinations as rows of `destinations`, to and fro. */
import type { Destination } from '../../domain/core-events/destination.ts';

export type DestinationRow = Omit<
  Destination,
  'enabledEvents' | 'metadata' | 'previousSecret' | 'deleted'
> & {
  readonly enabledEvents: string;
  readonly metadata: string;
  readonly previousSecret: string | null;
  readonly previousSecretExpiresMs: number | null;
  readonly deleted: 0 | 1;
};

/** For a FROM that calls the table `d`. */
export const DESTINATION_COLUMNS = `
  d.namespace, d.id, d.name, d.description, d.payload, d.enabled_events AS enabledEvents, d.url,
  d.api_version AS apiVersion, d.metadata, d.status, d.disabled_reason AS disabledReason,
  d.created_ms AS createdMs, d.updated_ms AS updatedMs, d.secret,
  d.previous_secret AS previousSecret, d.previous_secret_expires_ms AS previousSecretExpiresMs,
  d.failing_since_ms AS failingSinceMs, d.deleted`;

export const INSERT_DESTINATION = `
  INSERT INTO destinations
    (namespace, id, name, description, payload, enabled_events, url, api_version, metadata, status,
     disabled_reason, created_ms, updated_ms, secret, previous_secret, previous_secret_expires_ms,
     failing_since_ms, deleted)
  VALUES
    (@namespace, @id, @name, @description, @payload, @enabledEvents, @url, @apiVersion, @metadata,
     @status, @disabledReason, @createdMs, @updatedMs, @secret, @previousSecret,
     @previousSecretExpiresMs, @failingSinceMs, @deleted)`;

export const UPDATE_DESTINATION = `
  UPDATE destinations
  SET name = @name, description = @description, enabled_events = @enabledEvents, url = @url,
    metadata = @metadata, status = @status, disabled_reason = @disabledReason,
    updated_ms = @updatedMs, secret = @secret, previous_secret = @previousSecret,
    previous_secret_expires_ms = @previousSecretExpiresMs, failing_since_ms = @failingSinceMs,
    deleted = @deleted
  WHERE namespace = @namespace AND id = @id`;

export function toDestinationRow(destination: Destination): DestinationRow {
  const { enabledEvents, metadata, previousSecret, deleted } = destination;
  return {
    ...destination,
    enabledEvents: JSON.stringify(enabledEvents),
    metadata: JSON.stringify([...metadata]),
    previousSecret: previousSecret?.secret ?? null,
    previousSecretExpiresMs: previousSecret?.expiresAtMs ?? null,
    deleted: deleted ? 1 : 0,
  };
}

export function fromDestinationRow(row: DestinationRow): Destination {
  const { previousSecretExpiresMs: expiresAtMs, previousSecret: secret, ...same } = row;
  return {
    ...same,
    enabledEvents: JSON.parse(row.enabledEvents) as string[],
    metadata: new Map(JSON.parse(row.metadata) as [string, string][]),
    previousSecret: secret === null || expiresAtMs === null ? null : { secret, expiresAtMs },
    deleted: row.deleted === 1,
  };
}
