import type { IncomingHttpHeaders } from 'node:http';
import type { Session } from '../catalog/catalog.ts';
import { ApiError } from '../errors.ts';
import type { Namespace } from '../namespace.ts';
import { hashSecret, looksLikeKey, redact, refuseOtherAccount, secretOf } from './auth.ts';

/**
 * The namespace of the session whose token the request carries in place of a key. Throws `session_expired`
 * for one that has expired, `session_invalid` for what is no session's token, such as an API key, and
 * `account_invalid` as `authenticate` does.
 */
export function authenticateSession(
  headers: IncomingHttpHeaders,
  sessionOf: (tokenSha256: string) => Session | undefined,
  nowMs: number,
): Namespace {
  const token = secretOf(headers.authorization);
  if (token === undefined) throw invalid('You did not provide a session token.');
  const session = sessionOf(hashSecret(token));
  if (session === undefined) {
    throw invalid(
      looksLikeKey(token)
        ? `An API key does not open the meter event stream: ${redact(token)}.`
        : `Invalid session token provided: ${redact(token)}.`,
    );
  }
  if (session.expiresAtMs <= nowMs) {
    // The text of Stripe's OpenAPI: v2.error.billing_meter_event_session_expired.
    throw new ApiError('session_expired', 'The temporary session token has expired.');
  }
  refuseOtherAccount(headers, session.namespace, token);
  return session.namespace;
}

function invalid(problem: string): ApiError {
  return new ApiError(
    'session_invalid',
    `${problem} Send 'Authorization: Bearer TOKEN' with the authentication_token that POST ` +
      '/v2/billing/meter_event_session answers.',
  );
}
