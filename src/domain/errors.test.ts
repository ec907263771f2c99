import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, ERROR_CODES, type ErrorCode } from './errors.ts';

function wire(reason: ErrorCode, version: 'v1' | 'v2') {
  const { status, type, code } = new ApiError(reason, 'message').toWire(version);
  return [status, type, code];
}

test('each version of the API says a refusal in its own way', () => {
  const said: readonly (readonly [ErrorCode, readonly unknown[], readonly unknown[]])[] = [
    [
      'parameter_missing',
      [400, 'invalid_request_error', 'parameter_missing'],
      [400, null, 'invalid_fields'],
    ],
    ['parameter_invalid', [400, 'invalid_request_error', null], [400, null, 'invalid_fields']],
    ['no_meter', [400, 'invalid_request_error', 'no_meter'], [400, null, 'no_meter']],
    ['url_unknown', [404, 'invalid_request_error', null], [404, null, 'not_found']],
    ['key_invalid', [401, 'invalid_request_error', null], [401, null, 'key_invalid']],
    [
      'idempotency_mismatch',
      [400, 'idempotency_error', null],
      [409, 'idempotency_error', 'idempotency_error'],
    ],
    ['rate_limit', [429, 'invalid_request_error', 'rate_limit'], [429, 'rate_limit', 'rate_limit']],
    ['internal', [500, 'api_error', null], [500, null, 'internal']],
  ];
  for (const [reason, v1, v2] of said) {
    assert.deepEqual(wire(reason, 'v1'), v1);
    assert.deepEqual(wire(reason, 'v2'), v2);
  }
});

test('every 429 has the code of a rate limit, in each version of the API', () => {
  const limits = ERROR_CODES.filter((reason) => wire(reason, 'v1')[0] === 429);
  assert.deepEqual(limits, ['rate_limit', 'key_rate_limit', 'too_many_failures']);
  for (const reason of limits) {
    assert.deepEqual(wire(reason, 'v1'), [429, 'invalid_request_error', 'rate_limit']);
    assert.deepEqual(wire(reason, 'v2'), [429, 'rate_limit', 'rate_limit']);
  }
});
