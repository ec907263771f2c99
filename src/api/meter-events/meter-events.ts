/** What the v1 and the v2 call for one meter event share: everything but how it is written on the wire. */
import { randomUUID } from 'node:crypto';
import type { Catalog } from '../../catalog/catalog.ts';
import { beginning, isLonger, quoted, shown } from '../../domain/characters.ts';
import { ApiError } from '../../domain/errors.ts';
import type { IncomingEvent, Payload } from '../../domain/meter-events/meter-event.ts';
import {
  measure,
  rejectTimestamp,
  restOf,
  wholePayload,
  type Measured,
  type Rejection,
} from '../../domain/meter-events/measure.ts';
import type { Ingest } from '../../ingest/ingest.ts';
import type { Receipt } from '../../journal/receipt.ts';
import type { Meter } from '../../domain/meter.ts';
import type { Namespace } from '../../domain/namespace.ts';
import { Reply, toReceipt, type Answer, type ApiRequest } from '../route.ts';
import type { DuplicateEvents } from './duplicate-events.ts';
import type { AcceptedEvent } from './event-look-up.ts';
import type { Form, FormValue } from '../read/form.ts';
import { requiredHash, requiredText, text, tooLong } from '../read/params.ts';
import { preferredHandling } from '../read/prefer.ts';

export type MeterEventParts = {
  readonly meters: Pick<Catalog['meters'], 'ofEventName'>;
  readonly ingest: Pick<Ingest, 'record' | 'stats'>;
  readonly duplicates: Pick<DuplicateEvents, 'firstOf'>;
  /** How old an event may be. */
  readonly pastDays: number;
  /** Throws for a customer that may not be metered; absent when any may. */
  readonly checkCustomer?: CheckCustomer | undefined;
};
export type CheckCustomer = (
  namespace: Namespace,
  customer: string,
  param: string,
) => Promise<void>;

/** An event as it was sent; undefined where the server fills in. */
export type SentEvent = {
  readonly eventName: string;
  readonly payload: Payload;
  readonly identifier: string | undefined;
  readonly timestampMs: number | undefined;
  /** A time may be filled in before, where the wire has another default. */
  readonly timestampIsSent: boolean;
};

/** An event as it is answered, once it is on disk. */
export type AnsweredEvent = {
  readonly namespace: Namespace;
  readonly eventName: string;
  readonly payload: Payload;
  readonly identifier: string;
  readonly timestampMs: number;
  readonly createdMs: number;
};

/**
 * Stores the event and answers it as `present` says, or the first one of its identifier, where a duplicate of equal
 * content may be answered so; throws the refusal that names what is wrong with it.
 */
export async function recordMeterEvent(
  parts: MeterEventParts,
  request: ApiRequest,
  sent: SentEvent,
  present: (event: AnsweredEvent) => object,
): Promise<Answer> {
  const { namespace, receivedAtMs } = request;
  let judged: Judged;
  try {
    judged = judge(parts, request, sent);
    const { meter, measured } = judged;
    if (parts.checkCustomer !== undefined) {
      await parts.checkCustomer(namespace, measured.customer, `payload[${meter.customerKey}]`);
    }
  } catch (error) {
    if (error instanceof ApiError) parts.ingest.stats.countRejected(error.reason);
    throw error;
  }
  const { meter, measured } = judged;
  const generated = sent.identifier === undefined ? randomUUID() : undefined;
  const answered = fillIn(namespace, sent, receivedAtMs, generated);
  const event: IncomingEvent = {
    namespace,
    meterId: meter.id,
    customer: measured.customer,
    timestampMs: answered.timestampMs,
    timestampIsSent: sent.timestampIsSent,
    receivedAtMs,
    identifier: answered.identifier,
    value: measured.value,
    rest: restOf(meter, sent.payload, measured),
  };
  const outcome = await parts.ingest.record(event, toReceipt(request, generated));
  if (outcome === 'recorded') return present(answered);
  const isRepeated = outcome === 'repeated';
  const first = await parts.duplicates.firstOf(request, { meter, event }, isRepeated);
  const again = present(toAnsweredEvent(first));
  const isAsked = preferredHandling(request.headers) === 'lenient';
  return isAsked ? new Reply(again, { 'Preference-Applied': 'handling=lenient' }) : again;
}

/** As it was answered when it was recorded; the keys of its payload may stand in another order. */
function toAnsweredEvent({ event, meter }: AcceptedEvent): AnsweredEvent {
  return {
    namespace: event.namespace,
    eventName: meter.eventName,
    payload: wholePayload(meter, event),
    identifier: event.identifier,
    timestampMs: event.timestampMs,
    createdMs: event.receivedAtMs,
  };
}

type Judged = { readonly meter: Meter; readonly measured: Measured };

/** Throws the refusal that names what is wrong with the event itself. */
function judge(
  { meters, pastDays }: MeterEventParts,
  { namespace, receivedAtMs }: ApiRequest,
  { eventName, payload, timestampMs }: SentEvent,
): Judged {
  const meter = activeMeter(meters.ofEventName(namespace, eventName), eventName);
  const measured = accepted(
    measure(meter, payload.get(meter.customerKey), payload.get(meter.valueKey)),
  );
  if (timestampMs !== undefined) accepted(rejectTimestamp(timestampMs, receivedAtMs, pastDays));
  return { meter, measured };
}

/** The first answer again: the same request with what the receipt says that the server filled in. */
export function replayMeterEvent(
  { namespace }: ApiRequest,
  sent: SentEvent,
  { receivedAtMs, generatedIdentifier }: Receipt,
): AnsweredEvent {
  return fillIn(namespace, sent, receivedAtMs, generatedIdentifier);
}

function fillIn(
  namespace: Namespace,
  { eventName, payload, identifier, timestampMs }: SentEvent,
  receivedAtMs: number,
  generated: string | undefined,
): AnsweredEvent {
  return {
    namespace,
    eventName,
    payload,
    identifier: identifier ?? generated ?? '',
    // Stripe's default is now, in whole seconds.
    timestampMs: timestampMs ?? receivedAtMs - (receivedAtMs % 1000),
    createdMs: receivedAtMs,
  };
}

/** Stripe's OpenAPI: characters. */
export const EVENT_NAME_MAX = 100;
export const IDENTIFIER_MAX = 100;
export const PAYLOAD_TEXT_MAX = 100;
/** Stripe names no limit; this one keeps an event's row small. */
export const PAYLOAD_KEYS_MAX = 100;

/** The parameters that both calls write the same way. */
export function parseSentEvent(form: Form): Omit<SentEvent, 'timestampMs' | 'timestampIsSent'> {
  return {
    eventName: requiredText(form, 'event_name', EVENT_NAME_MAX),
    payload: parsePayload(requiredHash(form, 'payload')),
    identifier: text(form, 'identifier', IDENTIFIER_MAX),
  };
}

function parsePayload(sent: Form): Payload {
  if (sent.size > PAYLOAD_KEYS_MAX) {
    throw new ApiError(
      'parameter_invalid',
      `Invalid payload: it has at most ${PAYLOAD_KEYS_MAX} keys.`,
      'payload',
    );
  }
  const payload = new Map<string, string>();
  for (const [key, value] of sent) {
    if (
      typeof value !== 'string' ||
      isLonger(value, PAYLOAD_TEXT_MAX) ||
      isLonger(key, PAYLOAD_TEXT_MAX)
    ) {
      throw wrongPayload(key, value);
    }
    payload.set(key, value);
  }
  return payload;
}

function wrongPayload(key: string, value: FormValue): ApiError {
  const path = `payload[${key}]`;
  if (isLonger(key, PAYLOAD_TEXT_MAX)) {
    return tooLong(path, key, PAYLOAD_TEXT_MAX, `the key of ${path}`);
  }
  if (typeof value === 'string') return tooLong(path, value, PAYLOAD_TEXT_MAX);
  return new ApiError('parameter_invalid', `Invalid string: ${shown(path)}`, beginning(path));
}

function activeMeter(meters: readonly Meter[], eventName: string): Meter {
  const [meter] = meters;
  if (meter?.status === 'active') return meter;
  // Stripe's text for both; the code tells them apart.
  throw new ApiError(
    meter === undefined ? 'no_meter' : 'archived_meter',
    `No active meter found for event name ${quoted(eventName)}.`,
    'event_name',
  );
}

function accepted<T>(result: T | Rejection): T {
  if (typeof result === 'object' && result !== null && 'code' in result) {
    throw new ApiError(result.code, result.message, result.param);
  }
  return result as T;
}
