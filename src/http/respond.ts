import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { ApiError } from '../errors.ts';
import type { Replayed } from './idempotency.ts';

/** What is answered to a client that names no version: the newest whose objects these are. */
const API_VERSION = '2026-10-28.endive';

export type ResponseHeaders = Record<string, string | number>;

/** The headers that every answer of the API has. A version and an Idempotency-Key are given back as they came. */
export function apiHeaders(requestId: string, asked: IncomingHttpHeaders): ResponseHeaders {
  const headers: ResponseHeaders = {
    'Request-Id': requestId,
    'Stripe-Version': String(asked['stripe-version'] ?? API_VERSION),
  };
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
  response: ServerResponse,
  status: number,
  body: string,
  headers: ResponseHeaders,
): void {
  headers['Content-Type'] = 'application/json';
  headers['Content-Length'] = Buffer.byteLength(body);
  response.writeHead(status, headers).end(body);
}

/** Stripe's v1 error envelope, and whether an SDK should try again: never after a refusal for good. */
export function sendError(
  response: ServerResponse,
  error: ApiError,
  headers: ResponseHeaders,
): void {
  const { status, type, code, message, param } = error;
  if (status < 500 && status !== 409 && status !== 429) headers['Stripe-Should-Retry'] = 'false';
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer realm="Stripe"';
  if (status === 429 || status === 503) headers['Retry-After'] = 1;
  const envelope = {
    error: {
      ...(code === null ? {} : { code, ...docUrl(code) }),
      message,
      ...(param === undefined ? {} : { param }),
      type,
    },
  };
  sendJson(response, status, JSON.stringify(envelope), headers);
}

/** Only codes of Stripe's v1 API have a page there. */
const DOCUMENTED = /^(?:parameter_|resource_|idempotency_|account_)/u;

function docUrl(code: string): { doc_url?: string } {
  if (!DOCUMENTED.test(code)) return {};
  return { doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` };
}
