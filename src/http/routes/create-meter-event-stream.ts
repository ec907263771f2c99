import { ApiError } from '../../errors.ts';
import type { IncomingEvent } from '../../events/event.ts';
import { rejectCustomer } from '../../events/rejections.ts';
import type { Ingest, Outcome } from '../../ingest/ingest.ts';
import { Reply, toReceipt, type Answer, type ApiRequest, type Route } from '../api.ts';
import { prefersRepresentation } from '../prefer.ts';
import { readStreamEvent, type Rejected, type StreamContext } from '../stream-event.ts';

export type StreamParts = Pick<StreamContext, 'meters' | 'pastDays'> & {
  readonly ingest: Pick<
    Ingest,
    'acceptAll' | 'reject' | 'onDisk' | 'recordReceipt' | 'refuseWhenFull'
  >;
  /** Whether a customer may be metered; absent when any may. */
  readonly isCustomer?: IsCustomer | undefined;
  /** How many events a request may have. Stripe: 100. */
  readonly eventsMax: number;
};
export type IsCustomer = (namespace: StreamContext['namespace'], id: string) => Promise<boolean>;

/** 100 events of 100 keys and texts of 100 characters are 2 MB; a body of more events may be longer. */
const BYTES_PER_100_EVENTS = 4 * 1024 * 1024;
/** 10,000 usual events are 2 MB: this is a bound for memory (promise P10). */
const BODY_BYTES_MAX = 64 * 1024 * 1024;
/** How much of a rejected event is kept for people to look at. */
const SENT_LENGTH_MAX = 2000;

/**
 * POST /v2/billing/meter_event_stream: many events at once. Each is judged on its own, and the answer is `{}`
 * whatever became of them: a duplicate is dropped, what cannot be counted is kept as a rejection. Who asks for it
 * with `Prefer: return=representation` (RFC 7240) is told what became of each.
 */
export function createMeterEventStream(parts: StreamParts): Route {
  return {
    method: 'POST',
    path: '/v2/billing/meter_event_stream',
    opensWith: 'session',
    body: 'raw_json',
    bodyBytesMax: Math.min(Math.ceil(parts.eventsMax / 100) * BYTES_PER_100_EVENTS, BODY_BYTES_MAX),
    handle: async (request) => await recordStream(parts, request),
    replaysBody: true,
    replay: (_request, _receipt, body) =>
      toAnswer(body === undefined ? undefined : (JSON.parse(body) as object)),
  };
}

async function recordStream(parts: StreamParts, request: ApiRequest): Promise<Answer> {
  const sent = eventsOf(request.json, parts.eventsMax);
  parts.ingest.refuseWhenFull();
  const { namespace, receivedAtMs } = request;
  const { meters, pastDays } = parts;
  const context = { namespace, receivedAtMs, meters, pastDays };
  let read = sent.map((event) => readStreamEvent(context, event));
  if (parts.isCustomer !== undefined) read = await rejectStrangers(sent, read, parts.isCustomer);
  // From here to the receipt there is no turn: the whole request is in one block of the journal.
  const outcomes = record(parts, request, read, sent);
  const result = prefersRepresentation(request.headers) ? represent(read, outcomes) : undefined;
  const receipt = toReceipt(request);
  if (receipt === undefined) await parts.ingest.onDisk();
  else await parts.ingest.recordReceipt(receipt, result && JSON.stringify(result));
  return toAnswer(result);
}

/** The events as they were sent. Throws for a body that is not a list of them, or of too many. */
function eventsOf(json: unknown, max: number): readonly unknown[] {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ApiError('body_invalid', 'Invalid request body: must be a JSON object.');
  }
  for (const name in json) {
    if (name === 'events') continue;
    const path = name.slice(0, 200).toWellFormed();
    throw new ApiError('parameter_unknown', `Received unknown parameter: ${path}`, path);
  }
  const { events } = json as { events?: unknown };
  if (events === undefined || events === null) {
    throw new ApiError('parameter_missing', 'Missing required param: events.', 'events');
  }
  if (!Array.isArray(events)) {
    throw new ApiError('parameter_invalid', 'Invalid array: events', 'events');
  }
  if (events.length <= max) return events as readonly unknown[];
  throw new ApiError(
    'parameter_invalid',
    `Invalid events: a request has at most ${max}, and this one has ${events.length}.`,
    'events',
  );
}

type Read = IncomingEvent | Rejected;

/** With the events of customers that may not be metered rejected; each customer is looked up once. */
async function rejectStrangers(
  sent: readonly unknown[],
  read: readonly Read[],
  isCustomer: IsCustomer,
): Promise<Read[]> {
  const known = new Map<string, boolean>();
  for (const event of read) {
    if ('rejection' in event || known.has(event.customer)) continue;
    known.set(event.customer, await isCustomer(event.namespace, event.customer));
  }
  return read.map((event, index) => {
    if ('rejection' in event || known.get(event.customer) === true) return event;
    // They were read, so they are texts there; what we made up for an absent identifier is nobody's.
    const { event_name: eventName, identifier } = sent[index] as SentNames;
    return {
      rejection: rejectCustomer(event.customer),
      eventName,
      identifier: identifier ?? '',
      meterId: event.meterId,
    };
  });
}

type SentNames = { readonly event_name: string; readonly identifier?: string | null };

type Result = Outcome | 'rejected';

function record(
  { ingest }: StreamParts,
  request: ApiRequest,
  read: readonly Read[],
  sent: readonly unknown[],
): readonly Result[] {
  const accepted = ingest.acceptAll(read.filter(isGood));
  if (accepted.length === read.length) return accepted;
  let judged = 0;
  return read.map((event, index) => {
    if (isGood(event)) return accepted[judged++]!;
    ingest.reject(toRejectedEvent(request, event, sent[index]));
    return 'rejected';
  });
}

function isGood(event: Read): event is IncomingEvent {
  return !('rejection' in event);
}

function toRejectedEvent(
  { namespace, receivedAtMs, id: requestId }: ApiRequest,
  { rejection: { code, message }, ...of }: Rejected,
  sent: unknown,
): Parameters<Ingest['reject']>[0] {
  return { namespace, receivedAtMs, ...of, sent: toText(sent), code, message, requestId };
}

/** A cut may halve a character, and the usage store takes no half of one. */
function toText(sent: unknown): string {
  try {
    return JSON.stringify(sent).slice(0, SENT_LENGTH_MAX).toWellFormed();
  } catch {
    return ''; // Nested so deeply that writing it would overflow the stack.
  }
}

/** The answer that tells what became of each event, in order. */
function represent(read: readonly Read[], results: readonly Result[]): object {
  const count = (one: Result): number => results.filter((result) => result === one).length;
  return {
    accepted: count('recorded'),
    duplicates: count('duplicate'),
    rejected: count('rejected'),
    results: read.map((event, index) => {
      const identifier = event.identifier === '' ? null : event.identifier;
      if ('rejection' in event) return { identifier, status: 'rejected', ...event.rejection };
      return { identifier, status: results[index] === 'recorded' ? 'accepted' : 'duplicate' };
    }),
  };
}

function toAnswer(result: object | undefined): Answer {
  if (result === undefined) return {};
  return new Reply(result, { 'Preference-Applied': 'return=representation' });
}
