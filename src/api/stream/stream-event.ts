/**
 * One event of a stream, from JSON as it was sent to an event that can be accepted. Every event is judged on its
 * own: what is wrong with it is a value, and harms none of its neighbours.
 *
 * This is the hottest code there is: it looks at each field once, and makes nothing that an ordinary event lacks.
 */
import { randomUUID } from 'node:crypto';
import type { Catalog } from '../../catalog/catalog.ts';
import { charactersIn, escapeInvisible, isLonger, quoted } from '../../domain/characters.ts';
import { NOTHING_MORE, type IncomingEvent } from '../../domain/meter-events/meter-event.ts';
import { measure, rejectTimestamp } from '../../domain/meter-events/measure.ts';
import {
  malformed,
  rejectCustomer,
  rejectEventName,
  toStreamRejection,
  type StreamRejection,
} from '../../domain/meter-events/rejections.ts';
import type { Meter } from '../../domain/meter.ts';
import type { Namespace } from '../../domain/namespace.ts';
import { parseTime } from '../../domain/rfc3339.ts';
import { isHash, kindOf } from '../read/json.ts';
import {
  EVENT_NAME_MAX,
  IDENTIFIER_MAX,
  PAYLOAD_KEYS_MAX,
  PAYLOAD_TEXT_MAX,
} from '../meter-events/meter-events.ts';
import { noTime, TIME_RULE } from '../read/params.ts';

/** What the events of one request have in common. */
export type StreamContext = {
  readonly namespace: Namespace;
  readonly receivedAtMs: number;
  readonly meters: Pick<Catalog['meters'], 'ofEventName'>;
  /** How old an event may be. */
  readonly pastDays: number;
  /** The customers that may be metered; absent when any may. */
  readonly customers?: ReadonlySet<string>;
};

/** Why an event is not counted, and as much of it as could be read; '' where nothing could. */
export type Rejected = {
  readonly rejection: StreamRejection;
  readonly eventName: string;
  readonly identifier: string;
  readonly meterId: string;
};

export function readStreamEvent(context: StreamContext, sent: unknown): IncomingEvent | Rejected {
  if (!isHash(sent)) return reject(malformed('An event must be an object.'));
  const { event_name: eventName, identifier } = sent;
  const problem = wrongField(sent);
  if (problem !== undefined)
    return reject(problem, textOr(eventName, EVENT_NAME_MAX), textOr(identifier, IDENTIFIER_MAX));
  const fields = sent as Fields;
  const [meter] = context.meters.ofEventName(context.namespace, fields.event_name);
  const event = toEvent(context, fields, meter);
  if (!('code' in event)) return event;
  return reject(event, fields.event_name, textOr(identifier, IDENTIFIER_MAX), meter?.id);
}

function reject(
  { code, message }: StreamRejection,
  eventName = '',
  identifier = '',
  meterId = '',
): Rejected {
  const rejection = { code, message: escapeInvisible(message) };
  return { rejection, eventName, identifier, meterId };
}

/** What `wrongField` has found nothing wrong with. A null counts as absent, as in every body of the v2 API. */
type Fields = {
  readonly event_name: string;
  readonly identifier?: string | null;
  readonly timestamp?: string | number | null;
  readonly payload: Hash;
};
type Hash = Readonly<Record<string, unknown>>;

function wrongField(sent: Hash): StreamRejection | undefined {
  const { event_name: eventName, identifier, timestamp, payload } = sent;
  if (!isText(eventName, EVENT_NAME_MAX)) return wrongText('event_name', eventName, EVENT_NAME_MAX);
  if (isSent(identifier) && !isText(identifier, IDENTIFIER_MAX)) {
    return wrongText('identifier', identifier, IDENTIFIER_MAX);
  }
  if (isSent(timestamp) && typeof timestamp !== 'string' && typeof timestamp !== 'number') {
    return wrong('timestamp', `must be ${TIME_RULE}, not ${kindOf(timestamp)}`);
  }
  if (!isSent(payload)) return wrong('payload', 'is missing');
  if (!isHash(payload)) return wrong('payload', `must be an object, not ${kindOf(payload)}`);
  for (const name in sent) {
    if (!KNOWN.has(name) && sent[name] !== null) return wrong(start(name), 'is not known');
  }
  return undefined;
}

const KNOWN = new Set(['event_name', 'identifier', 'timestamp', 'payload']);

function toEvent(
  { namespace, receivedAtMs, pastDays, customers }: StreamContext,
  { event_name: eventName, identifier, timestamp, payload }: Fields,
  meter: Meter | undefined,
): IncomingEvent | StreamRejection {
  if (meter?.status !== 'active') {
    return rejectEventName(meter === undefined ? 'no_meter' : 'archived_meter', eventName);
  }
  const read = readPayload(meter, payload);
  if ('code' in read) return read;
  if (customers?.has(read.customer) === false) return rejectCustomer(read.customer);
  let timestampMs: number | undefined = receivedAtMs;
  const timestampIsSent = isSent(timestamp);
  if (timestampIsSent) {
    timestampMs = parseTime(timestamp);
    if (timestampMs === undefined) {
      return malformed(`Invalid event: timestamp ${noTime(start(String(timestamp)))}`);
    }
    const rejection = rejectTimestamp(timestampMs, receivedAtMs, pastDays);
    if (rejection !== undefined) return toStreamRejection(rejection);
  }
  return {
    namespace,
    meterId: meter.id,
    customer: read.customer,
    timestampMs,
    timestampIsSent,
    receivedAtMs,
    identifier: identifier ?? randomUUID(),
    value: read.value,
    rest: read.rest,
  };
}

type Read = Pick<IncomingEvent, 'customer' | 'value' | 'rest'>;

/** In one walk over what was sent, so that `constructor` and the like are keys only when they were. */
function readPayload(meter: Meter, payload: Hash): Read | StreamRejection {
  const { customerKey, valueKey } = meter;
  let customer: string | undefined;
  let valueText: string | undefined;
  let rest: Map<string, string> | undefined;
  let keys = 0;
  for (const key in payload) {
    const value = payload[key];
    if (value === null) continue;
    keys += 1;
    if (typeof value !== 'string' || isLonger(value, PAYLOAD_TEXT_MAX) || !value.isWellFormed()) {
      return wrongText(`payload[${start(key)}]`, value, PAYLOAD_TEXT_MAX);
    }
    if (key === valueKey) valueText = value;
    if (key === customerKey) customer = value;
    else if (key !== valueKey) {
      if (isLonger(key, PAYLOAD_TEXT_MAX) || !key.isWellFormed()) {
        return wrongText(`the key ${quoted(start(key))} of payload`, key, PAYLOAD_TEXT_MAX);
      }
      rest ??= new Map();
      rest.set(key, value);
    }
  }
  if (keys > PAYLOAD_KEYS_MAX) return wrong('payload', `has at most ${PAYLOAD_KEYS_MAX} keys`);
  const measured = measure(meter, customer, valueText);
  if ('code' in measured) return toStreamRejection(measured);
  if (valueText !== undefined && !measured.saysValue && valueKey !== customerKey) {
    rest ??= new Map();
    rest.set(valueKey, valueText);
  }
  return { customer: measured.customer, value: measured.value, rest: rest ?? NOTHING_MORE };
}

function isSent<T>(value: T): value is NonNullable<T> {
  return value !== undefined && value !== null;
}

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value !== '' && !isLonger(value, max) && value.isWellFormed();
}

/** Of what `isText` does not take. */
function wrongText(path: string, value: unknown, max: number): StreamRejection {
  if (!isSent(value)) return wrong(path, 'is missing');
  if (typeof value !== 'string') return wrong(path, `must be a string, not ${kindOf(value)}`);
  if (value === '') return wrong(path, 'is empty');
  if (!isLonger(value, max)) return wrong(path, 'is not well-formed Unicode');
  return wrong(path, `must be at most ${max} characters, and has ${charactersIn(value)}`);
}

function wrong(path: string, problem: string): StreamRejection {
  return malformed(`Invalid event: ${path} ${problem}.`);
}

/** The text, if it is one that an event may have; else ''. */
function textOr(value: unknown, max: number): string {
  return isText(value, max) ? value : '';
}

/** No longer than any of an event's texts may be. The cut comes first: it may halve a character. */
function start(text: string): string {
  return text.slice(0, PAYLOAD_TEXT_MAX).toWellFormed();
}
