/** Official SDK clients, unmodified, of the newest line and of one that many still run. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import Stripe from 'stripe';
import { TEST_KEY } from './server.ts';

export type { Stripe };
export type SdkLine = { readonly name: string; readonly Stripe: typeof Stripe };

// The 21 line declares its types as `module 'stripe'`, which would shadow those of the newest. The calls and
// shapes used in these tests are the same in both lines, so one static type serves for both.
const Stripe21 = createRequire(import.meta.url)('stripe-21') as typeof Stripe;

export const NEWEST: SdkLine = { name: 'stripe 23', Stripe };
export const OLDER: SdkLine = { name: 'stripe 21', Stripe: Stripe21 };
export const SDK_LINES: readonly SdkLine[] = [NEWEST, OLDER];

type Origin = { readonly host: string; readonly port: number };
export type ClientOptions = {
  readonly line?: SdkLine;
  readonly key?: string;
  readonly maxNetworkRetries?: number;
  readonly stripeAccount?: string;
};

/** What a user writes to point the SDK at a Taximeter. */
export function newClient(origin: Origin, options: ClientOptions = {}): Stripe {
  const { line = NEWEST, key = TEST_KEY, ...rest } = options;
  return new line.Stripe(key, { host: origin.host, port: origin.port, protocol: 'http', ...rest });
}

export type Refusal = {
  /** Name of the SDK's error class. */
  readonly type:
    | 'StripeInvalidRequestError'
    | 'StripeIdempotencyError'
    | 'StripeAuthenticationError'
    | 'StripePermissionError'
    | 'StripeAPIError'
    | 'StripeRateLimitError'
    | 'RateLimitError'
    | 'TemporarySessionExpiredError';
  readonly status: number;
  /** Null: no code on the wire; left out: not looked at. */
  readonly code?: string | null;
  readonly param?: string | null | RegExp;
  readonly message?: string | RegExp;
};

/** Awaits a call that must be refused, and checks the typed error that the SDK throws. */
export async function refused(
  promise: Promise<unknown>,
  expected: Refusal,
  line: SdkLine = NEWEST,
): Promise<InstanceType<typeof Stripe.errors.StripeError>> {
  const error = await promise.then(
    (value) => assert.fail(`not refused: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  const { StripeError, [expected.type]: expectedClass } = line.Stripe.errors;
  assert.ok(error instanceof StripeError, `no error of the SDK: ${String(error)}`);
  const { statusCode, code, param, message } = error;
  const seen = JSON.stringify({ type: error.type, statusCode, code, param, message });
  assert.ok(error instanceof expectedClass, `${expected.type} expected: ${seen}`);
  assert.equal(error.type, expected.type, seen);
  assert.equal(error.statusCode, expected.status, seen);
  if (expected.code !== undefined) assert.equal(error.code ?? null, expected.code, seen);
  if (expected.param instanceof RegExp) assert.match(error.param ?? '', expected.param, seen);
  else if (expected.param !== undefined) assert.equal(error.param ?? null, expected.param, seen);
  if (expected.message instanceof RegExp) assert.match(error.message, expected.message);
  else if (expected.message !== undefined) assert.equal(error.message, expected.message);
  assert.match(error.requestId ?? '', /^req_\w+$/u, 'each answer names its request');
  return error;
}

/** The common case: 400 `invalid_request_error`. */
export async function refused400(
  promise: Promise<unknown>,
  expected: Omit<Refusal, 'type' | 'status'>,
  line: SdkLine = NEWEST,
): Promise<InstanceType<typeof Stripe.errors.StripeError>> {
  return await refused(
    promise,
    { type: 'StripeInvalidRequestError', status: 400, ...expected },
    line,
  );
}
