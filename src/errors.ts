/**
 * Every refusal that a caller can cause, with its HTTP status, Stripe's error `type` and the `code` on
 * the wire (null: Stripe sends none). A new refusal does not compile until it has a row here.
 *
 * Types and codes: Stripe's OpenAPI and error-code pages. The codes of what can be wrong with an event are
 * those of Stripe's v2 API and error reports, sent on v1 too so that nobody has to match texts.
 */
type Row = { readonly status: number; readonly type: ErrorType; readonly code: string | null };
export type ErrorType = 'invalid_request_error' | 'idempotency_error' | 'api_error';

const REFUSALS = {
  parameter_unknown: row(400, 'invalid_request_error', 'parameter_unknown'),
  parameter_missing: row(400, 'invalid_request_error', 'parameter_missing'),
  parameter_invalid_empty: row(400, 'invalid_request_error', 'parameter_invalid_empty'),
  parameter_invalid_integer: row(400, 'invalid_request_error', 'parameter_invalid_integer'),
  parameter_invalid: row(400, 'invalid_request_error', null),
  body_invalid: row(400, 'invalid_request_error', null),
  body_too_large: row(413, 'invalid_request_error', null),
  url_unknown: row(404, 'invalid_request_error', null),
  key_missing: row(401, 'invalid_request_error', null),
  key_invalid: row(401, 'invalid_request_error', null),
  account_invalid: row(403, 'invalid_request_error', 'account_invalid'),
  resource_missing: row(404, 'invalid_request_error', 'resource_missing'),
  /** The id of the missing thing came as a body parameter, not in the URL. */
  resource_missing_in_body: row(400, 'invalid_request_error', 'resource_missing'),
  event_name_taken: row(400, 'invalid_request_error', null),
  no_meter: row(400, 'invalid_request_error', 'no_meter'),
  archived_meter: row(400, 'invalid_request_error', 'archived_meter'),
  duplicate_meter_event: row(400, 'invalid_request_error', 'duplicate_meter_event'),
  payload_no_customer_defined: row(400, 'invalid_request_error', 'payload_no_customer_defined'),
  payload_no_value_defined: row(400, 'invalid_request_error', 'payload_no_value_defined'),
  payload_invalid_value: row(400, 'invalid_request_error', 'payload_invalid_value'),
  timestamp_too_far_in_past: row(400, 'invalid_request_error', 'timestamp_too_far_in_past'),
  timestamp_in_future: row(400, 'invalid_request_error', 'timestamp_in_future'),
  cancel_too_late: row(400, 'invalid_request_error', null),
  idempotency_mismatch: row(400, 'idempotency_error', null),
  idempotency_key_in_use: row(409, 'invalid_request_error', 'idempotency_key_in_use'),
  rate_limit: row(429, 'invalid_request_error', 'rate_limit'),
  internal: row(500, 'api_error', null),
  unavailable: row(503, 'api_error', null),
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof REFUSALS;

function row(status: number, type: ErrorType, code: string | null): Row {
  return { status, type, code };
}

/** A refused request: it changed nothing. `param` is the path of the wrong parameter, as Stripe writes it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: ErrorCode;
  readonly param: string | undefined;

  constructor(reason: ErrorCode, message: string, param?: string) {
    super(message);
    this.reason = reason;
    this.param = param;
  }

  get status(): number {
    return REFUSALS[this.reason].status;
  }

  get type(): ErrorType {
    return REFUSALS[this.reason].type;
  }

  /** The code on the wire, or null where Stripe sends none. */
  get code(): string | null {
    return REFUSALS[this.reason].code;
  }
}
