/** Core events and destinations with all fields set, and what a suite does with them again and again. */
import type { CoreEvent } from '../../domain/core-events/core-event.ts';
import type { Destination } from '../../domain/core-events/destination.ts';
import type { Catalog } from '../catalog.ts';
import type { Due, Settled } from '../core-events.ts';
import { NAMESPACE } from './fixtures.ts';

export const START_MS = 1_760_000_000_000;

/** Told by both APIs; types follow from `what`. */
export function anEvent(
  id: string,
  fields: Partial<CoreEvent> & { readonly what?: string } = {},
): CoreEvent {
  const { what = 'billing.meter.created', ...rest } = fields;
  return {
    id,
    namespace: NAMESPACE,
    createdMs: START_MS,
    thin: { type: `v1.${what}`, data: null },
    snapshot: { type: what, object: `{"id":"mtr_1","value":1.10}`, previousAttributes: null },
    relatedObject: { id: 'mtr_1', type: 'billing.meter', url: '/v1/billing/meters/mtr_1' },
    request: { id: 'req_1', idempotencyKey: null },
    ...rest,
  };
}

/** Takes every snapshot, or every thin event. */
export function aDestination(id: string, fields: Partial<Destination> = {}): Destination {
  return {
    id,
    namespace: NAMESPACE,
    name: `Destination ${id}`,
    description: null,
    payload: 'snapshot',
    enabledEvents: ['*'],
    url: 'https://example.com/webhook',
    apiVersion: fields.payload === 'thin' ? null : '2026-10-28.endive',
    metadata: new Map(),
    status: 'enabled',
    disabledReason: null,
    createdMs: START_MS,
    updatedMs: START_MS,
    secret: `whsec_${id}`,
    previousSecret: null,
    failingSinceMs: null,
    deleted: false,
    ...fields,
  };
}

/** What is due first in each lane by then. */
export function allDue({ deliveries }: Catalog, nowMs = START_MS): readonly Due[] {
  return deliveries
    .lanes()
    .map(({ lane }) => deliveries.findDue(lane, nowMs))
    .filter((due) => due !== undefined);
}

/** `we_1 gets evt_1`, for each that is due. */
export function shownDue(catalog: Catalog, nowMs = START_MS): readonly string[] {
  return allDue(catalog, nowMs).map(
    ({ destination, event }) => `${destination.id} gets ${event.id}`,
  );
}

/** A try that went well, unless said otherwise. */
export function settled(due: Due, fields: Partial<Settled> = {}): Settled {
  const attempt = { startedMs: START_MS, durationMs: 5, status: 200, answer: 'ok', error: null };
  return {
    lane: due.lane,
    delivery: due.delivery,
    attempts: [...due.attempts, attempt],
    tries: due.tries + 1,
    state: 'succeeded',
    dueMs: null,
    failingSinceMs: null,
    ...fields,
  };
}
