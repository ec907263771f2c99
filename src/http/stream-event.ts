/**
 * One event of a stream, from JSON as it was sent to an event that can be accepted. Every event is judged on its
 * own: what is wrong with it is a value, and harms none of its neighbours.
 *
 * This is the hottest code there is: it looks at each field once, and makes nothing that an ordinary event lacks.
 */
import { randomUUID } from 'node:crypto';
import type { Catalog } from '../catalog/catalog.ts';
import { NOTHING_MORE, type IncomingEvent, type Payload } from '../events/event.ts';
import { measure, rejectTimestamp } from '../events/measure.ts';
import {
  malformed,
  rejectEventName,
  toStreamRejection,
  type StreamRejection,
} from '../events/rejections.ts';
import type { Meter } from '../meters/meter.ts';
import type { Namespace } from '../namespace.ts';
import { parseRfc3339 } from '../rfc3339.ts';
import {
  EVENT_NAME_MAX,
  IDENTIFIER_MAX,
  PAYLOAD_KEYS_MAX,
  PAYLOAD_TEXT_MAX,
} from './meter-events.ts';

/** What the events of one request have in common. */
export type StreamContext = {
  readonly namespace: Namespace;
  readonly receivedAtMs: number;
  readonly meters: Pick<Catalog['meters'], 'ofEventName'>;
  /** How old an event may be. */
  readonly pastDays: number;
};

/** Why an event is not counted, and as much of it as could be read; '' where nothing could. */
export type Rejected = {
  readonly rejection: StreamRejection;
  readonly eventName: string;
  readonly identifier: string;
  readonly meterId: string;
};

export function readStreamEvent(context: StreamContext, sent: unknown): IncomingEvent | Rejected {
  const fields = new Fields(sent);
  const [meter] = context.meters.ofEventName(context.namespace, fields.eventName);
  const read = fields.problem ?? toEvent(context, fields, meter);
  if (!('code' in read)) return read;
  return {
    rejection: read,
    eventName: fields.eventName,
    identifier: fields.identifier ?? '',
    meterId: meter?.id ?? '',
  };
}

/** The fields by their names; what cannot be read is left out, and the first of such is the problem. */
class Fields {
  eventName = '';
  identifier: string | undefined;
  timestampMs: number | undefined;
  payload: Readonly<Record<string, unknown>> | undefined;
  problem: StreamRejection | undefined;

  constructor(sent: unknown) {
    if (!isHash(sent)) {
      this.problem = malformed('An event must be an object.');
      return;
    }
    for (const name in sent) this.#read(name, sent[name]);
    if (this.eventName === '') this.#fail('event_name', 'is required');
    else if (this.payload === undefined) this.#fail('payload', 'is required');
  }

  #read(name: string, value: unknown): void {
    // A null counts as absent, as in every body of the v2 API.
    if (value === null) return;
    switch (name) {
      case 'event_name':
        this.eventName = this.#text(name, value, EVENT_NAME_MAX) ?? '';
        return;
      case 'identifier':
        this.identifier = this.#text(name, value, IDENTIFIER_MAX);
        return;
      case 'timestamp':
        this.timestampMs = typeof value === 'string' ? parseRfc3339(value) : undefined;
        if (this.timestampMs === undefined) this.#fail(name, 'must be an RFC 3339 time');
        return;
      case 'payload':
        if (isHash(value)) this.payload = value;
        else this.#fail(name, 'must be an object');
        return;
      default:
        this.#fail(shown(name), 'is not known');
    }
  }

  #text(name: string, value: unknown, max: number): string | undefined {
    if (typeof value !== 'string' || value === '' || value.length > max || !value.isWellFormed()) {
      this.#fail(name, `must be a string of 1 to ${max} characters`);
      return undefined;
    }
    return value;
  }

  #fail(name: string, problem: string): void {
    this.problem ??= malformed(`Invalid event: ${name} ${problem}.`);
  }
}

function toEvent(
  { namespace, receivedAtMs, pastDays }: StreamContext,
  { eventName, identifier, timestampMs, payload = {} }: Fields,
  meter: Meter | undefined,
): IncomingEvent | StreamRejection {
  if (meter?.status !== 'active') {
    return rejectEventName(meter === undefined ? 'no_meter' : 'archived_meter', eventName);
  }
  const wrong = wrongPair(payload);
  if (wrong !== undefined) return wrong;
  // Every value is a text or a null from here on.
  const texts = payload as Texts;
  const measured = measure(meter, own(texts, meter.customerKey), own(texts, meter.valueKey));
  if ('code' in measured) return toStreamRejection(measured);
  if (timestampMs !== undefined) {
    const rejection = rejectTimestamp(timestampMs, receivedAtMs, pastDays);
    if (rejection !== undefined) return toStreamRejection(rejection);
  }
  return {
    namespace,
    meterId: meter.id,
    customer: measured.customer,
    timestampMs: timestampMs ?? receivedAtMs,
    receivedAtMs,
    identifier: identifier ?? randomUUID(),
    value: measured.value,
    rest: restOf(texts, meter.customerKey, measured.saysValue ? meter.valueKey : undefined),
  };
}

/** JSON can name anything, `constructor` too: only what was sent counts, and a null is absent. */
type Texts = Readonly<Record<string, string | null>>;

function own(texts: Texts, key: string): string | undefined {
  return Object.hasOwn(texts, key) ? (texts[key] ?? undefined) : undefined;
}

function wrongPair(payload: Readonly<Record<string, unknown>>): StreamRejection | undefined {
  let keys = 0;
  for (const key in payload) {
    const value = payload[key];
    if (value === null) continue;
    keys += 1;
    if (
      typeof value !== 'string' ||
      value.length > PAYLOAD_TEXT_MAX ||
      key.length > PAYLOAD_TEXT_MAX ||
      !value.isWellFormed() ||
      !key.isWellFormed()
    ) {
      return malformed(
        `Invalid event: payload[${shown(key)}] must be a string of at most ${PAYLOAD_TEXT_MAX} characters.`,
      );
    }
  }
  if (keys <= PAYLOAD_KEYS_MAX) return undefined;
  return malformed(`Invalid event: payload has at most ${PAYLOAD_KEYS_MAX} keys.`);
}

/** As `restOf` of events/measure.ts, over the pairs as JSON gave them: mostly there is nothing more. */
function restOf(texts: Texts, customerKey: string, valueKey: string | undefined): Payload {
  let rest: Map<string, string> | undefined;
  for (const key in texts) {
    if (key === customerKey || key === valueKey) continue;
    const text = texts[key];
    if (typeof text !== 'string') continue;
    rest ??= new Map();
    rest.set(key, text);
  }
  return rest ?? NOTHING_MORE;
}

function isHash(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a message repeats of a name. The cut comes first: it may halve a character. */
function shown(name: string): string {
  return name.slice(0, PAYLOAD_TEXT_MAX).toWellFormed();
}
