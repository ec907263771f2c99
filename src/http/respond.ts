import type { IncomingHttpHeaders } from 'node:http';
import type { ApiError, ApiVersion, WireError } from '../domain/errors.ts';
import { redactSecrets } from '../lib/redact.ts';
import { CODINGS_TAKEN } from './content-coding.ts';
import type { HttpCall, ResponseHeaders } from './http-call.ts';
import type { Replayed } from '../api/idempotency.ts';

/** The headers that every answer of the API has. An Idempotency-Key is given back as it came. */
export function apiHeaders(
  requestId: string,
  apiVersion: string,
  asked: IncomingHttpHeaders,
): ResponseHeaders {
  const headers: ResponseHeaders = { 'Request-Id': requestId, 'Stripe-Version': apiVersion };
  const key = asked['idempotency-key'];
  if (key !== undefined) headers['Idempotency-Key'] = String(key);
  const account = asked['stripe-account'];
  if (account !== undefined) headers['Stripe-Account'] = String(account);
  return headers;
}

/** What tells a repeated answer from a first one. */
export function replayHeaders({ originalRequest }: Replayed): ResponseHeaders {
  const headers: ResponseHeaders = { 'Idempotent-Replayed': 'true' };
  if (originalRequest !== undefined) headers['Original-Request'] = originalRequest;
  return headers;
}

export function sendJson(
  call: HttpCall,
  status: number,
  body: string,
  headers: ResponseHeaders,
  bytes: number,
): void {
  call.answer(status, withBodyHeaders(headers, bytes), body);
}

/** Usage and ids are nobody else's business, and JSON is never a page. */
function withBodyHeaders(headers: ResponseHeaders, bytes: number): ResponseHeaders {
  headers['Content-Type'] = 'application/json';
  headers['Content-Length'] = bytes;
  headers['Cache-Control'] = 'no-store';
  headers['X-Content-Type-Options'] = 'nosniff';
  return headers;
}

export function sendError(
  call: HttpCall,
  error: ApiError,
  version: ApiVersion,
  asked: ResponseHeaders,
): void {
  const { status, headers, body } = toErrorAnswer(error, version, asked);
  call.answer(status, headers, body);
}

/**
 * Answers for a process that cannot: it starts, or it ends. In plain text, as a proxy in front of it would: every SDK sends
 * the request again, under its Idempotency-Key. An error in the envelope stripe-go would take for final, and
 * its caller could send an event again that had been counted.
 */
export function sendUnavailable(
  call: HttpCall,
  { message, retryAfterS }: ApiError,
  headers: ResponseHeaders,
): void {
  const body = `${redactSecrets(message)}\n`;
  headers['Retry-After'] = retryAfterS;
  withBodyHeaders(headers, Buffer.byteLength(body));
  headers['Content-Type'] = 'text/plain';
  call.answer(503, headers, body);
}

export type ErrorAnswer = {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: string;
};

/** The error envelope of that version, and whether an SDK should try again: never after a refusal for good. */
export function toErrorAnswer(
  error: ApiError,
  version: ApiVersion,
  headers: ResponseHeaders,
): ErrorAnswer {
  const wire = error.toWire(version);
  // An SDK tries a 409 and a 503 again unless the header forbids it, a 429 and a 408 only when it asks for that.
  if (wire.status === 429 || wire.status === 408) headers['Stripe-Should-Retry'] = 'true';
  else if (wire.status < 500 && error.reason !== 'idempotency_key_in_use') {
    headers['Stripe-Should-Retry'] = 'false';
  }
  if (wire.status === 401) headers['WWW-Authenticate'] = 'Bearer realm="Stripe"';
  if (wire.status === 429 || wire.status === 503) headers['Retry-After'] = error.retryAfterS;
  if (error.reason === 'content_coding_unsupported') headers['Accept-Encoding'] = CODINGS_TAKEN;
  // Stripe's word for a limit over all calls (docs: rate limits).
  if (error.reason === 'key_rate_limit') headers['Stripe-Rate-Limited-Reason'] = 'global-rate';
  const body = redactSecrets(JSON.stringify({ error: toBody(error, wire, version) }));
  return { status: wire.status, headers: withBodyHeaders(headers, Buffer.byteLength(body)), body };
}

/** v2 has no `param`: its messages name the field. */
function toBody({ message, param }: ApiError, { type, code }: WireError, version: ApiVersion) {
  return {
    ...(code === null ? {} : { code, ...docUrl(code) }),
    message,
    ...(param === undefined || version === 'v2' ? {} : { param }),
    ...(type === null ? {} : { type }),
  };
}

/** Only codes of Stripe's v1 API have a page there. */
const DOCUMENTED = /^(?:parameter_|resource_|email_|idempotency_key_|account_|api_key_)/u;
/** Its schema of this one error demands a page. */
const SESSIONS_PAGE =
  'https://docs.stripe.com/api/v2/meter-event-streams/meter-event-sessions/object';

function docUrl(code: string): { doc_url?: string } {
  if (code === 'billing_meter_event_session_expired') return { doc_url: SESSIONS_PAGE };
  if (!DOCUMENTED.test(code)) return {};
  return { doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` };
}
