import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from '../../domain/errors.ts';
import { isExpired, type Key } from '../../domain/key.ts';
import { accountOf } from '../../domain/namespace.ts';
import { redact } from '../../lib/redact.ts';

/** SHA-256 of a secret key, in hex: the only form in which keys are kept. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret);
}

/**
 * The key of this secret. Throws `key_invalid` when there is none, and `key_expired`: only who has the secret
 * learns that.
 */
export function authenticate(secret: string, key: Key | undefined, nowMs: number): Key {
  if (key === undefined) {
    throw new ApiError('key_invalid', `Invalid API Key provided: ${redact(secret)}`);
  }
  if (isExpired(key, nowMs)) {
    throw new ApiError('key_expired', `Expired API Key provided: ${key.hint}`);
  }
  return key;
}

export function noKey(): ApiError {
  return new ApiError(
    'key_missing',
    'You did not provide an API key. You need to provide your API key in the Authorization header, ' +
      "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
  );
}

/**
 * Throws `account_invalid` when `Stripe-Account` or `Stripe-Context` names one that the key does not belong to:
 * quietly metering it into another account would mix worlds.
 */
export function refuseOtherAccount(
  headers: IncomingHttpHeaders,
  { namespace, hint }: Pick<Key, 'namespace' | 'hint'>,
): void {
  for (const account of [headers['stripe-account'], headers['stripe-context']]) {
    if (account === undefined || account === accountOf(namespace)) continue;
    throw otherAccount(String(account), { hint });
  }
}

/** Stripe's text. */
export function otherAccount(account: string, { hint }: Pick<Key, 'hint'>): ApiError {
  return new ApiError(
    'account_invalid',
    `The provided key '${hint}' does not have access to account '${account}' ` +
      '(or that account does not exist).',
  );
}

/** What the header brings, as a Bearer token or as the user name of Basic; undefined when there is nothing. */
export function secretOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const space = authorization.indexOf(' ');
  if (space === -1) return undefined;
  const scheme = authorization.slice(0, space).toLowerCase();
  const credentials = authorization.slice(space + 1).trim();
  if (scheme === 'bearer') return credentials === '' ? undefined : credentials;
  if (scheme !== 'basic') return undefined;
  const [user = ''] = Buffer.from(credentials, 'base64').toString().split(':', 1);
  return user === '' ? undefined : user;
}
