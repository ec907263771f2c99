import type { Session } from '../../catalog/catalog.ts';
import { ApiError } from '../../domain/errors.ts';
import { looksLikeKey, redact } from '../../lib/redact.ts';

/**
 * The session of this token, which a request of the stream carries in place of a key. Throws `session_expired`
 * for one that has expired, `session_invalid` for what is no session's token, such as an API key.
 */
export function authenticateSession(
  token: string,
  session: Session | undefined,
  nowMs: number,
): Session {
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
  return session;
}

export function noToken(): ApiError {
  return invalid('You did not provide a session token.');
}

export function orphaned(): ApiError {
  return invalid('The key that opened this session has been revoked.');
}

function invalid(problem: string): ApiError {
  return new ApiError(
    'session_invalid',
    `${problem} Send 'Authorization: Bearer TOKEN' with the authentication_token that POST ` +
      '/v2/billing/meter_event_session answers.',
  );
}
