/**
 * Who may do what: whose request it is, whether that key may make this call, and how often. All of it is decided
 * from the headers, before any of the body is looked at.
 */
import type { Keys, Sessions } from '../../catalog/catalog.ts';
import { ApiError } from '../../domain/errors.ts';
import { isAllowed, type Key, type Scope } from '../../domain/key.ts';
import { accountOf } from '../../domain/namespace.ts';
import type { Route } from '../route.ts';
import { authenticate, hashSecret, noKey, refuseOtherAccount, secretOf } from './auth.ts';
import { clientAddress, type Asked } from './client-address.ts';
import { Guesses } from './auth-failure-limiter.ts';
import { KeyRates } from './rate-limiter.ts';
import { authenticateSession, noToken, orphaned } from './session-auth.ts';

export type AccessParts = {
  readonly keys: Pick<Keys, 'find' | 'findById' | 'isRevoked' | 'noteUse'>;
  readonly sessions: Pick<Sessions, 'find'>;
  readonly limits: AccessLimits;
};
export type AccessLimits = {
  /** Requests a second that each key may make; undefined: any number. */
  readonly rateLimit: number | undefined;
  /** How many wrong keys one address may try in a minute; 0: any number. */
  readonly authFailuresMax: number;
  /** How many proxies stand in front: the client's address is what the first of them saw. */
  readonly proxies: number;
};

export class Access {
  readonly #keys: AccessParts['keys'];
  readonly #sessions: AccessParts['sessions'];
  readonly #proxies: number;
  readonly #guesses: Guesses;
  readonly #rates: KeyRates | undefined;

  constructor({ keys, sessions, limits }: AccessParts) {
    this.#keys = keys;
    this.#sessions = sessions;
    this.#proxies = limits.proxies;
    this.#guesses = new Guesses(limits.authFailuresMax);
    this.#rates = limits.rateLimit === undefined ? undefined : new KeyRates(limits.rateLimit);
  }

  /** The key that makes the request, or opened its session. Throws the ApiError that says what it may not. */
  admit(route: Pick<Route, 'opensWith' | 'scope'>, asked: Asked, nowMs: number): Key {
    const { headers } = asked;
    const secret = secretOf(headers.authorization);
    const key =
      route.opensWith === 'session'
        ? this.#keyOfSession(secret, asked, nowMs)
        : this.#keyOf(secret, asked, nowMs);
    this.#keys.noteUse(key.id, nowMs);
    this.#rates?.take(key.id, nowMs);
    refuseOtherAccount(headers, key);
    if (route.scope !== 'any') refuseBeyondScopes(key, route.scope);
    return key;
  }

  #keyOf(secret: string | undefined, asked: Asked, nowMs: number): Key {
    if (secret === undefined) throw noKey();
    const address = clientAddress(asked, this.#proxies);
    const hash = hashSecret(secret);
    this.#guesses.refuse(address, hash, nowMs);
    const key = this.#keys.find(hash);
    if (key !== undefined) this.#guesses.trust(address, hash);
    else if (!this.#keys.isRevoked(hash)) this.#guesses.count(address, nowMs);
    return authenticate(secret, key, nowMs);
  }

  /** A token that is known is never refused as a guess: nobody guesses one, and each session has another. */
  #keyOfSession(token: string | undefined, asked: Asked, nowMs: number): Key {
    if (token === undefined) throw noToken();
    const hash = hashSecret(token);
    const found = this.#sessions.find(hash);
    if (found === undefined) {
      const address = clientAddress(asked, this.#proxies);
      this.#guesses.refuse(address, hash, nowMs);
      this.#guesses.count(address, nowMs);
    }
    const session = authenticateSession(token, found, nowMs);
    const key = this.#keys.findById(session.keyId);
    if (key === undefined) throw orphaned();
    return key;
  }
}

/**
 * Throws `permission_missing` unless the key has the scope: its route's, or that of what it asks to be shown besides.
 * Stripe's text, as users report it (the issues of stripe-node).
 */
export function refuseBeyondScopes(
  key: Pick<Key, 'scopes' | 'hint' | 'namespace'>,
  scope: Scope,
): void {
  if (isAllowed(key, scope)) return;
  throw new ApiError(
    'permission_missing',
    `The provided key '${key.hint}' does not have the required permissions for this endpoint on account ` +
      `'${accountOf(key.namespace)}'. Having the '${scope}' permission would allow this request to continue.`,
  );
}
