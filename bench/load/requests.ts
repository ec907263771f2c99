/**
 * The requests of the load, as bytes made before the run. Between two sends only the identifiers, keys,
 * customers and values are written over, in place and in fixed width, so that making a request costs next to
 * nothing beside sending it. The headers are those of Stripe's Node SDK.
 */
import { UUID_LENGTH, type Random } from './random.ts';

export type Kind = 'v1' | 'stream';
export type RequestOptions = {
  /** `get`: a GET of `path`. */
  readonly kind: Kind | 'get';
  readonly path?: string | undefined;
  /** The API key, or the token of a meter event session for the stream. */
  readonly secret: string;
  readonly events: number;
  /** The share of events whose identifier was sent before. */
  readonly duplicates: number;
  /** The share of events that are one customer's, beside what chance gives it; none when absent. */
  readonly hot?: number | undefined;
  readonly nowMs: number;
};
/** One request after the other in the same bytes: `refresh` makes the next, once the last was answered. */
export type LoadRequest = {
  readonly bytes: Buffer;
  readonly events: number;
  readonly refresh: () => void;
};

export const EVENT_NAME = 'requests';
/** Customers are cus_0000 to cus_9999, each as likely as the other. */
const CUSTOMER_DIGITS = 4;
const UUID = '00000000-0000-4000-8000-000000000000';
/** Four digits in `10.00` to `19.99`; the first stays, so that the width does. */
const VALUE = '10.00';
const ZERO = '0'.charCodeAt(0);
const RETRY_KEY = 'stripe-node-retry-';
const CLIENT_AGENT = JSON.stringify({
  bindings_version: '23.1.0',
  lang: 'node',
  publisher: 'stripe',
  lang_version: 'v24.0.0',
  platform: 'linux',
});

export function prepareRequest(options: RequestOptions, random: Random, sent: Sent): LoadRequest {
  switch (options.kind) {
    case 'v1':
      return prepareV1(options, random);
    case 'stream':
      return prepareStream(options, random, sent);
    case 'get':
      return prepareGet(options);
  }
}

function prepareGet({ secret, path = '/' }: RequestOptions): LoadRequest {
  const bytes = Buffer.from([...headLines(`GET ${path}`, secret), '', ''].join('\r\n'), 'latin1');
  return { bytes, events: 0, refresh: () => undefined };
}

function prepareV1({ secret, hot }: RequestOptions, random: Random): LoadRequest {
  const body =
    `event_name=${EVENT_NAME}&payload[stripe_customer_id]=cus_0000&payload[value]=${VALUE}` +
    `&identifier=${UUID}`;
  const type = 'application/x-www-form-urlencoded';
  const { bytes, keyAt, bodyAt } = toBytes('/v1/billing/meter_events', secret, type, body);
  const customerAt = bodyAt + body.indexOf('cus_') + 'cus_'.length;
  const valueAt = bodyAt + body.indexOf(VALUE);
  const identifierAt = bodyAt + body.length - UUID_LENGTH;
  const refresh = (): void => {
    random.writeUuid(bytes, keyAt);
    writeCustomer(bytes, customerAt, random, hot);
    writeValue(bytes, valueAt, random);
    random.writeUuid(bytes, identifierAt);
  };
  refresh();
  return { bytes, events: 1, refresh };
}

function prepareStream(options: RequestOptions, random: Random, sent: Sent): LoadRequest {
  const { secret, events, duplicates, hot, nowMs } = options;
  // Within the last minute, as usage that is reported as it happens.
  const event = (): string =>
    `{"event_name":"${EVENT_NAME}","identifier":"${UUID}",` +
    `"timestamp":"${new Date(nowMs - random.below(60_000)).toISOString()}",` +
    `"payload":{"stripe_customer_id":"cus_0000","value":"${VALUE}"}}`;
  const body = `{"events":[${Array.from({ length: events }, event).join(',')}]}`;
  const path = '/v2/billing/meter_event_stream';
  const { bytes, keyAt, bodyAt } = toBytes(path, secret, 'application/json', body);
  // Every event is as long as the first.
  const width = event().length + 1;
  const firstAt = bodyAt + body.indexOf('[') + 1;
  const offset = (text: string): number => firstAt + event().indexOf(text);
  const identifierAt = offset(UUID);
  const customerAt = offset('cus_0000') + 'cus_'.length;
  const valueAt = offset(VALUE);
  const refresh = (): void => {
    random.writeUuid(bytes, keyAt);
    for (let at = 0; at < events * width; at += width) {
      writeCustomer(bytes, customerAt + at, random, hot);
      writeValue(bytes, valueAt + at, random);
      if (duplicates > 0 && sent.isFull && (random.next() >>> 0) / 2 ** 32 < duplicates) {
        sent.repeat(bytes, identifierAt + at, random);
        continue;
      }
      random.writeUuid(bytes, identifierAt + at);
      if (duplicates > 0) sent.remember(bytes, identifierAt + at);
    }
  };
  refresh();
  return { bytes, events, refresh };
}

function toBytes(
  path: string,
  secret: string,
  type: string,
  body: string,
): { bytes: Buffer; keyAt: number; bodyAt: number } {
  const head = [
    ...headLines(`POST ${path}`, secret),
    `Content-Type: ${type}`,
    `Idempotency-Key: ${RETRY_KEY}${UUID}`,
    `Content-Length: ${body.length}`,
    '',
    '',
  ].join('\r\n');
  const keyAt = head.indexOf(RETRY_KEY) + RETRY_KEY.length;
  return { bytes: Buffer.from(head + body, 'latin1'), keyAt, bodyAt: head.length };
}

function headLines(methodAndPath: string, secret: string): readonly string[] {
  return [
    `${methodAndPath} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: Bearer ${secret}`,
    'Accept: application/json',
    'User-Agent: Stripe/v1 NodeBindings/23.1.0',
    `X-Stripe-Client-User-Agent: ${CLIENT_AGENT}`,
    'Stripe-Version: 2026-10-28.endive',
    'Connection: keep-alive',
  ];
}

function writeCustomer(bytes: Uint8Array, at: number, random: Random, hot = 0): void {
  if (hot > 0 && random.below(1000) < hot * 1000) bytes.fill(ZERO, at, at + CUSTOMER_DIGITS);
  else random.writeDigits(bytes, at, CUSTOMER_DIGITS);
}

/** `1d.dd` */
function writeValue(bytes: Uint8Array, at: number, random: Random): void {
  random.writeDigits(bytes, at + 1, 1);
  random.writeDigits(bytes, at + 3, 2);
}

/** The identifiers that were sent last, to be sent again. */
export class Sent {
  static readonly COUNT = 10_000;
  readonly #identifiers = new Uint8Array(Sent.COUNT * UUID_LENGTH);
  #next = 0;
  isFull = false;

  remember(bytes: Uint8Array, at: number): void {
    for (let i = 0; i < UUID_LENGTH; i += 1) {
      this.#identifiers[this.#next * UUID_LENGTH + i] = bytes[at + i] ?? 0;
    }
    this.#next = (this.#next + 1) % Sent.COUNT;
    if (this.#next === 0) this.isFull = true;
  }

  repeat(bytes: Uint8Array, at: number, random: Random): void {
    const from = random.below(Sent.COUNT) * UUID_LENGTH;
    for (let i = 0; i < UUID_LENGTH; i += 1) bytes[at + i] = this.#identifiers[from + i] ?? 0;
  }
}
