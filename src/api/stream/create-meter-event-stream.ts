import { ApiError } from '../../domain/errors.ts';
import type { IncomingEvent } from '../../domain/meter-events/meter-event.ts';
import { accountOf } from '../../domain/namespace.ts';
import type { Ingest, Outcome } from '../../ingest/ingest.ts';
import { Reply, toReceipt, type Answer, type ApiRequest, type Route } from '../route.ts';
import type { DuplicateComparer } from '../../reporting/duplicate-comparer.ts';
import { parseJson } from '../read/json.ts';
import { PAYLOAD_KEYS_MAX } from '../meter-events/meter-events.ts';
import { prefersRepresentation } from '../read/prefer.ts';
import { WorkTurns } from '../../lib/work-turns.ts';
import { readStreamEvent, type Rejected, type StreamContext } from './stream-event.ts';

export type StreamParts = Pick<StreamContext, 'meters' | 'pastDays'> & {
  readonly ingest: Pick<
    Ingest,
    'acceptAll' | 'reject' | 'addReceipt' | 'onDisk' | 'refuseWhenFull'
  >;
  /** Finds out which duplicates are not what the first event was. */
  readonly duplicates: Pick<DuplicateComparer, 'hasRoomFor' | 'note'>;
  /** Whether a customer may be metered; absent when any may. */
  readonly isCustomer?: IsCustomer | undefined;
  /** How many events a request may have. Stripe: 100. */
  readonly eventsMax: number;
};
export type IsCustomer = (namespace: StreamContext['namespace'], id: string) => Promise<boolean>;

/** 100 events of 100 keys and texts of 100 characters are 2 MB; a body of more events may be longer. */
const BYTES_PER_100_EVENTS = 4 * 1024 * 1024;
/** 10,000 usual events are 2 MB: this bounds memory, and the time that others wait for one request (P10). */
const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Those of its payload, and itself with its four fields. */
const VALUES_PER_EVENT = PAYLOAD_KEYS_MAX + 5;
/**
 * Twenty an event where there may be 10,000: with names that all differ they take half a second, and
 * nobody else is served meanwhile.
 */
const VALUES_MAX = 200_000;
/** How much of a rejected event is kept for people to look at. */
const SENT_LENGTH_MAX = 2000;

/**
 * POST /v2/billing/meter_event_stream: many events at once. Each is judged on its own, and the answer is `{}`
 * whatever became of them: a duplicate is dropped (and kept as one if it turns out not to repeat the first event), what
 * cannot be counted is kept as a rejection. Who asks for it with `Prefer: return=representation` (RFC 7240) is told what became of each.
 */
export function createMeterEventStream(parts: StreamParts): Route {
  const turns = new WorkTurns();
  return {
    method: 'POST',
    path: '/v2/billing/meter_event_stream',
    scope: 'events.write',
    opensWith: 'session',
    body: 'raw_json',
    bodyBytesMax: Math.min(Math.ceil(parts.eventsMax / 100) * BYTES_PER_100_EVENTS, BODY_BYTES_MAX),
    handle: async (request) => await recordStream(parts, turns, request),
    replaysBody: true,
    replay: (_request, _receipt, body) =>
      toAnswer(body === undefined ? undefined : (JSON.parse(body) as object)),
  };
}

async function recordStream(
  parts: StreamParts,
  turns: WorkTurns,
  request: ApiRequest,
): Promise<Answer> {
  parts.ingest.refuseWhenFull();
  const account = accountOf(request.namespace);
  const context = await toContext(parts, turns, request);
  const result = await turns.run(account, () => {
    const made = record(parts, request, context);
    const receipt = toReceipt(request);
    if (receipt !== undefined) parts.ingest.addReceipt(receipt, made && JSON.stringify(made));
    return made;
  });
  await parts.ingest.onDisk();
  return toAnswer(result);
}

/** In one turn, with the receipt after it: the whole request is in one block of the journal. */
function record(
  { ingest, eventsMax, duplicates }: StreamParts,
  request: ApiRequest,
  context: StreamContext,
): object | undefined {
  const sent = eventsOf(request.bytes, eventsMax);
  const read = sent.map((event) => readStreamEvent(context, event));
  const results = accept(ingest, request, read, sent);
  if (results.includes('duplicate')) noteDuplicates(duplicates, request, { read, sent, results });
  return prefersRepresentation(request.headers) ? represent(read, results) : undefined;
}

/** What is known to repeat the first event is left out. */
function noteDuplicates(
  duplicates: StreamParts['duplicates'],
  { namespace, id: requestId }: ApiRequest,
  { read, sent, results }: Judged,
): void {
  for (const [index, result] of results.entries()) {
    if (result !== 'duplicate' || !duplicates.hasRoomFor(namespace)) continue;
    const event = sent[index] as { readonly event_name: string };
    duplicates.note({
      event: read[index] as IncomingEvent,
      eventName: event.event_name,
      sent: toText(event),
      requestId,
    });
  }
}

/** Where only registered customers may be metered, those of the request are looked up before anything is accepted. */
async function toContext(
  { meters, pastDays, isCustomer, eventsMax }: StreamParts,
  turns: WorkTurns,
  { namespace, receivedAtMs, bytes }: ApiRequest,
): Promise<StreamContext> {
  const context = { namespace, receivedAtMs, meters, pastDays };
  if (isCustomer === undefined) return context;
  const read = await turns.run(accountOf(namespace), () =>
    eventsOf(bytes, eventsMax).map((event) => readStreamEvent(context, event)),
  );
  const customers = new Set(read.filter(isGood).map(({ customer }) => customer));
  for (const customer of customers) {
    if (!(await isCustomer(namespace, customer))) customers.delete(customer);
  }
  return { ...context, customers };
}

/** The events as they were sent. Throws for a body that is not a list of them, or of too many. */
function eventsOf(bytes: Buffer, max: number): readonly unknown[] {
  const json = parseJson(bytes, valuesMax(max));
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

/** How many values the body of so many events may hold; the list and what it is in are two of them. */
function valuesMax(events: number): number {
  return Math.min(events * VALUES_PER_EVENT + 2, VALUES_MAX);
}

type Read = IncomingEvent | Rejected;

type Result = Outcome | 'rejected';

/** The events of a request, in order. */
type Judged = {
  readonly read: readonly Read[];
  readonly sent: readonly unknown[];
  readonly results: readonly Result[];
};

function accept(
  ingest: StreamParts['ingest'],
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
    duplicates: count('duplicate') + count('repeated'),
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
