/** The requests of the crash test's clients: each is sent, and what its answer proves is written down. */
import assert from 'node:assert/strict';
import type { Agent } from 'node:http';
import { call, errorOf, toForm, type Answer } from '../support/http.ts';
import type { Random } from '../support/random.ts';
import { isoOf, V2_ADJUSTMENTS, V2_EVENTS } from '../support/v2.ts';
import type { Ledger, MeterName, SentCustomer, SentEvent } from './ledger.ts';

/** One run of the server, from listening to its end. */
export type Life = {
  readonly url: string;
  readonly agent: Agent;
  /** Called for each event that is acknowledged. */
  readonly onAck: () => void;
  /** It was asked to stop: from then on it may refuse. */
  isStopping: boolean;
};

/** The server died: no whole answer came. */
export class Lost extends Error {}

export type World = {
  readonly ledger: Ledger;
  readonly random: Random;
  readonly startS: number;
  readonly meterIds: ReadonlyMap<MeterName, string>;
  /** Opens the stream, whatever dies; '' as long as there is none. */
  token: string;
};

export async function ask(life: Life, what: Parameters<typeof call>[1]): Promise<Answer> {
  let answer: Answer;
  try {
    answer = await call(life, { ...what, agent: life.agent });
  } catch (error) {
    throw new Lost('no answer', { cause: error });
  }
  if (life.isStopping && answer.status === 503) throw new Lost('refused, because it stops');
  return answer;
}

/** Sends an event, for the first time or again, and writes down what the answer proves. */
export async function sendEvent(life: Life, event: SentEvent): Promise<Answer> {
  const { idempotencyKey } = event;
  const { body, headers, path } = event.wire === 'v1' ? toV1(event) : toV2(event);
  const key = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
  const answer = await ask(life, { path, body, headers: { ...headers, ...key } });
  if (answer.status === 200) {
    // A replay must be the first answer to the letter.
    if (event.answer !== undefined) assert.equal(answer.text, event.answer);
    event.answer = answer.text;
    if (!event.stored) life.onAck();
    event.stored = true;
  } else {
    assert.equal(errorOf(answer).code, 'duplicate_meter_event', answer.text);
    event.stored = true;
  }
  return answer;
}

type Request = {
  readonly path: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
};
const JSON_BODY = { 'content-type': 'application/json' };

function toV1({ meter, timestampS, customer, value, identifier }: SentEvent): Request {
  const body = toForm({
    event_name: meter,
    timestamp: timestampS,
    'payload[stripe_customer_id]': customer,
    'payload[value]': value,
    ...(identifier === undefined ? {} : { identifier }),
  });
  return { path: '/v1/billing/meter_events', body, headers: {} };
}

function toV2(event: SentEvent): Request {
  return { path: V2_EVENTS, body: JSON.stringify(toJson(event)), headers: JSON_BODY };
}

/** An event as v2 and the stream take it. */
export function toJson({ meter, customer, value, timestampS, identifier }: SentEvent): object {
  return {
    event_name: meter,
    payload: { stripe_customer_id: customer, value },
    timestamp: isoOf(timestampS),
    ...(identifier === undefined ? {} : { identifier }),
  };
}

/** By the API that the event did not come by. */
export async function sendCancel(life: Life, event: SentEvent): Promise<void> {
  event.cancel = event.cancel === 'no' ? 'sent' : event.cancel;
  const identifier = identifierOf(event);
  const names = { type: 'cancel', event_name: event.meter };
  const answer = await ask(
    life,
    event.wire === 'v2'
      ? {
          path: '/v1/billing/meter_event_adjustments',
          body: toForm({ ...names, 'cancel[identifier]': identifier }),
        }
      : {
          path: V2_ADJUSTMENTS,
          body: JSON.stringify({ ...names, cancel: { identifier } }),
          headers: JSON_BODY,
        },
  );
  assert.equal(answer.status, 200, answer.text);
  event.cancel = 'acknowledged';
}

export async function sendCustomer(life: Life, customer: SentCustomer): Promise<Answer> {
  const answer = await ask(life, {
    path: '/v1/customers',
    body: toForm({ name: customer.name }),
    headers: { 'idempotency-key': customer.idempotencyKey },
  });
  assert.equal(answer.status, 200, answer.text);
  if (customer.answer !== undefined) assert.equal(answer.text, customer.answer);
  customer.answer = answer.text;
  return answer;
}

/** The identifier that was sent, or the one that the server made. */
function identifierOf(event: SentEvent): string {
  if (event.identifier !== undefined) return event.identifier;
  const made = JSON.parse(event.answer ?? assert.fail('not answered yet')) as {
    readonly identifier: string;
  };
  return made.identifier;
}
