/** Calls of the v2 API: through the SDK with what tests vary, and raw, for headers and for what no SDK sends. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { call, type Answer } from './http.ts';
import { newClient, OLDER, type ClientOptions, type SdkLine, type Stripe } from './sdk.ts';
import { TEST_KEY } from './server.ts';

export const V2_EVENTS = '/v2/billing/meter_events';
export const V2_ADJUSTMENTS = '/v2/billing/meter_event_adjustments';
export const V2_SESSION = '/v2/billing/meter_event_session';
export const V2_STREAM = '/v2/billing/meter_event_stream';

/** Times as they must stand in answers: UTC, milliseconds. */
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u;

export type JsonCall = {
  readonly path: string;
  /** Text is sent as it is. */
  readonly body: unknown;
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
};

export async function postJson(
  origin: { readonly url: string },
  { path, body, key, headers }: JsonCall,
): Promise<Answer> {
  return await call(origin, {
    path,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
    ...(key === undefined ? {} : { key }),
  });
}

/** Declares a body of that length and sends none: what is answered before it. */
export async function postLength(
  { url }: { readonly url: string },
  path: string,
  length: number,
  key = TEST_KEY,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { authorization: `Bearer ${key}`, 'content-length': String(length) };
  const outgoing = request(url + path, { method: 'POST', headers, agent: false });
  outgoing.on('error', reject);
  outgoing.on('response', (incoming) => {
    let text = '';
    incoming.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    incoming.on('error', reject);
    incoming.on('end', () => {
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
      outgoing.destroy();
    });
  });
  outgoing.flushHeaders();
  return await promise;
}

/** The body of a refusal: a code and a message always, a type and a page seldom, and nothing else. */
export function v2ErrorOf(answer: Answer): {
  readonly code: string;
  readonly message: string;
  readonly type?: string;
  readonly doc_url?: string;
} {
  const { error, ...rest } = JSON.parse(answer.text) as { error: ReturnType<typeof v2ErrorOf> };
  assert.deepEqual(rest, {});
  for (const name of Object.keys(error)) {
    assert.ok(['code', 'message', 'type', 'doc_url'].includes(name), answer.text);
  }
  assert.equal(typeof error.code, 'string', answer.text);
  assert.equal(typeof error.message, 'string', answer.text);
  return error;
}

export type V2EventFields = {
  readonly customer?: string;
  readonly value?: string;
  readonly timestamp?: string;
  readonly identifier?: string;
};

/** The body of an event for a meter with the default payload keys. */
export function v2Event(
  { event_name }: { readonly event_name: string },
  { customer = 'c', value = '1', ...fields }: V2EventFields = {},
): Stripe.V2.Billing.MeterEventCreateParams {
  return { event_name, payload: { stripe_customer_id: customer, value }, ...fields };
}

/** What Stripe writes for a time in seconds. */
export function isoOf(timeS: number): string {
  return new Date(timeS * 1000).toISOString();
}

type StreamParams = Parameters<Stripe['v2']['billing']['meterEventStream']['create']>[0];

/** Sends to the stream as users of each line do it: a client of its own, with the session's token as its key. */
export async function sendToStream(
  to: { readonly host: string; readonly port: number },
  line: SdkLine,
  token: string,
  params: StreamParams,
  config: Pick<ClientOptions, 'maxNetworkRetries'> = {},
): Promise<unknown> {
  const client = newClient(to, { line, key: token, ...config });
  if (line !== OLDER) return await client.v2.billing.meterEventStream.create(params);
  // Without this the older line sends to Stripe's own stream host, whatever host the client has.
  const options: object = { host: to.host };
  return await client.v2.billing.meterEventStream.create(params, options);
}
