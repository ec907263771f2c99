/**
 * Who may do what: whose request it is, and whether that key may make this call. All of it is decided from the
 * headers, before a byte of the body is read.
 */
import type { IncomingMessage } from 'node:http';
import type { Keys, Sessions } from '../catalog/catalog.ts';
import { ApiError } from '../errors.ts';
import { isAllowed, type Key, type Scope } from '../keys/key.ts';
import { accountOf } from '../namespace.ts';
import type { Route } from './api.ts';
import { authenticate, hashSecret, noKey, refuseOtherAccount, secretOf } from './auth.ts';
import { authenticateSession, noToken, orphaned } from './session-auth.ts';

export type AccessParts = {
  readonly keys: Pick<Keys, 'find' | 'findById' | 'noteUse'>;
  readonly sessions: Pick<Sessions, 'find'>;
};
/** What of a request decides. */
export type Asked = Pick<IncomingMessage, 'headers'>;

export class Access {
  readonly #keys: AccessParts['keys'];
  readonly #sessions: AccessParts['sessions'];

  constructor({ keys, sessions }: AccessParts) {
    this.#keys = keys;
    this.#sessions = sessions;
  }

  /** The key that makes the request, or opened its session. Throws the ApiError that says what it may not. */
  admit(route: Pick<Route, 'opensWith' | 'scope'>, asked: Asked, nowMs: number): Key {
    const { headers } = asked;
    const secret = secretOf(headers.authorization);
    const key =
      route.opensWith === 'session'
        ? this.#keyOfSession(secret, nowMs)
        : this.#keyOf(secret, nowMs);
    this.#keys.noteUse(key.id, nowMs);
    refuseOtherAccount(headers, key);
    refuseBeyondScopes(key, route.scope);
    return key;
  }

  #keyOf(secret: string | undefined, nowMs: number): Key {
    if (secret === undefined) throw noKey();
    const key = this.#keys.find(hashSecret(secret));
    return authenticate(secret, key, nowMs);
  }

  #keyOfSession(token: string | undefined, nowMs: number): Key {
    if (token === undefined) throw noToken();
    const session = authenticateSession(token, this.#sessions.find(hashSecret(token)), nowMs);
    const key = this.#keys.findById(session.keyId);
    if (key === undefined) throw orphaned();
    return key;
  }
}

/** Stripe's text, as users report it (the issues of stripe-node). */
function refuseBeyondScopes(key: Key, scope: Scope): void {
  if (isAllowed(key, scope)) return;
  throw new ApiError(
    'permission_missing',
    `The provided key '${key.hint}' does not have the required permissions for this endpoint on account ` +
      `'${accountOf(key.namespace)}'. Having the '${scope}' permission would allow this request to continue.`,
  );
}
