/**
 * A core event tells that something happened: Stripe's word for what its webhooks bring, as against a meter event,
 * which is usage. One fact is one event, with one id in both APIs: thin in v2 (what happened to which object), a
 * snapshot in v1 (the object as it was then). A fact that one of the APIs has no type for is not seen there.
 */
import type { Namespace } from '../namespace.ts';

/** JSON text, so that a number keeps its digits. */
export type Json = string;

export type CoreEvent = {
  readonly id: string;
  readonly namespace: Namespace;
  readonly createdMs: number;
  readonly thin: Thin | null;
  readonly snapshot: Snapshot | null;
  readonly relatedObject: RelatedObject | null;
  /** The request that caused it; null when none did. */
  readonly request: Cause | null;
};

/** `data` is only in a fetched event, never in a notification. */
export type Thin = { readonly type: string; readonly data: Json | null };

export type Snapshot = {
  readonly type: string;
  readonly object: Json;
  /** Of `*.updated` alone. */
  readonly previousAttributes: Json | null;
};

/** `url` is a path, which the SDK fetches the object from. */
export type RelatedObject = { readonly id: string; readonly type: string; readonly url: string };
export type Cause = { readonly id: string; readonly idempotencyKey: string | null };

/** How a destination takes its events. */
export type Payload = 'thin' | 'snapshot';
export const PAYLOADS = ['snapshot', 'thin'] as const satisfies readonly Payload[];

/**
 * What differs in `before`: top-level attributes with their earlier values, of a hash only the keys that differ; a
 * list is given whole, and what was not there before is null (Stripe: event object, `data.previous_attributes`).
 */
export function previousAttributes(before: object, after: object): Record<string, unknown> {
  const previous: Record<string, unknown> = {};
  const now = new Map(Object.entries(after));
  for (const [name, value] of Object.entries(before) as [string, unknown][]) {
    const later: unknown = now.get(name);
    if (isHash(value) && isHash(later)) {
      const inner = previousAttributes(value, later);
      if (Object.keys(inner).length > 0) previous[name] = inner;
    } else if (JSON.stringify(value) !== JSON.stringify(later)) {
      previous[name] = value;
    }
    now.delete(name);
  }
  for (const name of now.keys()) previous[name] = null;
  return previous;
}

function isHash(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
