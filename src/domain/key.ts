/** A key opens one namespace: all of it, or what its scopes name. Its secret is known to its owner alone. */
import type { Namespace } from './namespace.ts';

/**
 * What a call may need, after Stripe's names of resources. Each stands for itself: writing does not include reading, beyond
 * the object that a write is answered with.
 * Cancelling is apart from sending, so that a key in a place less trusted cannot undo usage.
 */
export const SCOPES = [
  'events.write',
  'adjustments.write',
  'usage.read',
  'meters.read',
  'meters.write',
  'customers.read',
  'customers.write',
  'alerts.read',
  'alerts.write',
  'core_events.read',
  'destinations.read',
  'destinations.write',
] as const;
export type Scope = (typeof SCOPES)[number];

/** Those that are not revoked, of all accounts. */
export const KEYS_MAX = 10_000;

export type Key = {
  /** `key_…`: names the key without showing it. */
  readonly id: string;
  readonly namespace: Namespace;
  /** What a restricted key (`rk_…`) may do; a secret one (`sk_…`) may do everything. */
  readonly scopes: readonly Scope[] | 'all';
  /** What people call it. */
  readonly name: string | null;
  /** What a person may see of its secret, such as `sk_test_****x4Qz`. */
  readonly hint: string;
  readonly createdMs: number;
  readonly expiresAtMs: number | null;
  readonly lastUsedMs: number | null;
  readonly revokedAtMs: number | null;
};

export function isAllowed({ scopes }: Pick<Key, 'scopes'>, scope: Scope): boolean {
  return scopes === 'all' || scopes.includes(scope);
}

/** From its last millisecond on. */
export function isExpired({ expiresAtMs }: Pick<Key, 'expiresAtMs'>, nowMs: number): boolean {
  return expiresAtMs !== null && expiresAtMs <= nowMs;
}

export type KeyState = 'active' | 'expired' | 'revoked';

export function stateOf(key: Pick<Key, 'expiresAtMs' | 'revokedAtMs'>, nowMs: number): KeyState {
  if (key.revokedAtMs !== null) return 'revoked';
  return isExpired(key, nowMs) ? 'expired' : 'active';
}
