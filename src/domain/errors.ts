import { escapeInvisible } from './characters.ts';

/**
 * Every refusal that a caller can cause, with its HTTP status, Stripe's error `type` and the `code` on
 * the wire of v1 (null: Stripe sends none), then what v2 says otherwise. A new refusal does not compile until
 * it has a row here.
 *
 * v2 always sends a code, and a type only where SDKs have an error class for it. Where nothing else is said,
 * its code is v1's, or else the name of the refusal.
 *
 * Types and codes: Stripe's OpenAPI and error-code pages. The codes of what can be wrong with an event are
 * those of Stripe's v2 API and error reports, sent on v1 too so that nobody has to match texts.
 */
type Row = {
  readonly status: number;
  readonly type: ErrorType;
  readonly code: string | null;
  readonly v2: V2Row;
};
type V2Row = { readonly status?: number; readonly type?: V2ErrorType; readonly code?: string };
export type ErrorType = 'invalid_request_error' | 'idempotency_error' | 'api_error';
export type V2ErrorType = 'idempotency_error' | 'rate_limit' | 'temporary_session_expired';

/** The version of the API that a URL belongs to: its errors are written that version's way. */
export type ApiVersion = 'v1' | 'v2';

const INVALID_FIELDS = { code: 'invalid_fields' } as const;
const INVALID_CANCEL = { code: 'invalid_cancel_configuration' } as const;

const REFUSALS = {
  parameter_unknown: row(400, 'invalid_request_error', 'parameter_unknown', INVALID_FIELDS),
  parameter_missing: row(400, 'invalid_request_error', 'parameter_missing', INVALID_FIELDS),
  parameter_invalid_empty: row(
    400,
    'invalid_request_error',
    'parameter_invalid_empty',
    INVALID_FIELDS,
  ),
  parameter_invalid_integer: row(
    400,
    'invalid_request_error',
    'parameter_invalid_integer',
    INVALID_FIELDS,
  ),
  parameter_invalid: row(400, 'invalid_request_error', null, INVALID_FIELDS),
  /** No HTTP, or in two ways; not in time. Nothing that an SDK or a proxy sends. */
  request_malformed: row(400, 'invalid_request_error', null),
  request_timeout: row(408, 'invalid_request_error', null),
  headers_too_large: row(431, 'invalid_request_error', null),
  /** The header Stripe-Version. */
  api_version_invalid: row(400, 'invalid_request_error', null),
  body_invalid: row(400, 'invalid_request_error', null),
  content_coding_unsupported: row(415, 'invalid_request_error', null),
  body_too_large: row(413, 'invalid_request_error', null),
  url_unknown: row(404, 'invalid_request_error', null, { code: 'not_found' }),
  key_missing: row(401, 'invalid_request_error', null),
  key_invalid: row(401, 'invalid_request_error', null),
  /** Stripe's error codes: api_key_expired. */
  key_expired: row(401, 'invalid_request_error', 'api_key_expired'),
  session_invalid: row(401, 'invalid_request_error', null),
  session_expired: row(401, 'invalid_request_error', 'billing_meter_event_session_expired', {
    type: 'temporary_session_expired',
  }),
  account_invalid: row(403, 'invalid_request_error', 'account_invalid'),
  /** A restricted key; Stripe sends no code (the issues of stripe-node). */
  permission_missing: row(403, 'invalid_request_error', null),
  resource_missing: row(404, 'invalid_request_error', 'resource_missing'),
  /** The id of the missing thing came as a body parameter, not in the URL. */
  resource_missing_in_body: row(400, 'invalid_request_error', 'resource_missing'),
  resource_already_exists: row(400, 'invalid_request_error', 'resource_already_exists'),
  email_invalid: row(400, 'invalid_request_error', 'email_invalid', INVALID_FIELDS),
  event_name_taken: row(400, 'invalid_request_error', null),
  too_many_destinations: row(400, 'invalid_request_error', null),
  too_many_alerts: row(400, 'invalid_request_error', null),
  too_many_meters: row(400, 'invalid_request_error', null),
  no_meter: row(400, 'invalid_request_error', 'no_meter'),
  archived_meter: row(400, 'invalid_request_error', 'archived_meter'),
  duplicate_meter_event: row(400, 'invalid_request_error', 'duplicate_meter_event'),
  payload_no_customer_defined: row(400, 'invalid_request_error', 'payload_no_customer_defined'),
  payload_no_value_defined: row(400, 'invalid_request_error', 'payload_no_value_defined'),
  payload_invalid_value: row(400, 'invalid_request_error', 'payload_invalid_value'),
  /** An invalid value too; only the reports about streams tell the two apart. */
  payload_value_too_many_digits: row(400, 'invalid_request_error', 'payload_invalid_value'),
  timestamp_too_far_in_past: row(400, 'invalid_request_error', 'timestamp_too_far_in_past'),
  timestamp_in_future: row(400, 'invalid_request_error', 'timestamp_in_future'),
  cancel_unknown_event: row(400, 'invalid_request_error', null, INVALID_CANCEL),
  cancel_too_late: row(400, 'invalid_request_error', null, INVALID_CANCEL),
  idempotency_mismatch: row(400, 'idempotency_error', null, {
    status: 409,
    type: 'idempotency_error',
    code: 'idempotency_error',
  }),
  idempotency_key_in_use: row(409, 'invalid_request_error', 'idempotency_key_in_use'),
  /** More events would have to be looked at than a search may. */
  search_too_large: row(400, 'invalid_request_error', null, INVALID_FIELDS),
  rate_limit: row(429, 'invalid_request_error', 'rate_limit', { type: 'rate_limit' }),
  /** The key makes more requests than it may. */
  key_rate_limit: row(429, 'invalid_request_error', 'rate_limit', { type: 'rate_limit' }),
  /** Whoever guesses keys. */
  too_many_failures: row(429, 'invalid_request_error', 'rate_limit', { type: 'rate_limit' }),
  internal: row(500, 'api_error', null),
  unavailable: row(503, 'api_error', null),
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof REFUSALS;
export const ERROR_CODES = Object.keys(REFUSALS) as readonly ErrorCode[];

function row(status: number, type: ErrorType, code: string | null, v2: V2Row = {}): Row {
  return { status, type, code, v2 };
}

/** How a refusal stands on the wire; null: left out. */
export type WireError = {
  readonly status: number;
  readonly type: ErrorType | V2ErrorType | null;
  readonly code: string | null;
};

/**
 * A refused request: it changed nothing. `param` is the path of the wrong parameter, as Stripe writes it. What cannot be
 * seen of what the message repeats is escaped.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: ErrorCode;
  readonly param: string | undefined;
  /** When to come again, of a 429 or a 503. */
  readonly retryAfterS: number;

  constructor(reason: ErrorCode, message: string, param?: string, retryAfterS = 1) {
    super(escapeInvisible(message));
    this.reason = reason;
    this.param = param;
    this.retryAfterS = retryAfterS;
  }

  toWire(version: ApiVersion): WireError {
    const { status, type, code, v2 }: Row = REFUSALS[this.reason];
    if (version === 'v1') return { status, type, code };
    return {
      status: v2.status ?? status,
      type: v2.type ?? null,
      code: v2.code ?? code ?? this.reason,
    };
  }
}
