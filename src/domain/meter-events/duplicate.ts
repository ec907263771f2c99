/**
 * When two events of one identifier have the same content, and how a person reads of it. The second one is never
 * counted; whether it is a retry or another event that reuses the identifier is what these rules tell.
 */
import { bareOrQuoted, quoted, shown } from '../characters.ts';
import type { Meter } from '../meter.ts';
import { formatQuantity } from '../quantity.ts';
import { formatRfc3339 } from '../rfc3339.ts';
import type { MeterEvent } from './meter-event.ts';
import { wholePayload } from './measure.ts';

/** An event with the meter that reads it. */
export type MeasuredEvent = {
  readonly meter: Pick<Meter, 'id' | 'eventName' | 'customerKey' | 'valueKey' | 'formula'>;
  readonly event: Pick<MeterEvent, 'customer' | 'value' | 'rest' | 'timestampMs'>;
};

export type Difference = {
  /** `meter`, `customer`, `value`, `timestamp` or `payload[key]`. */
  readonly what: string;
  /** As text; undefined where the event does not have it. */
  readonly first: string | undefined;
  readonly second: string | undefined;
};

/**
 * In what a later event differs from the first of its identifier; empty when the content is equal: the same meter,
 * customer and payload, to the letter, but for the value, which is compared as a decimal (1.50 is 1.5). The timestamp
 * counts, to the millisecond, only if the later event was sent with one: without, it says nothing of when.
 */
export function differencesOf(
  first: MeasuredEvent,
  second: MeasuredEvent,
  timestampIsSent: boolean,
): readonly Difference[] {
  const differences: Difference[] = [];
  if (first.meter.id !== second.meter.id) {
    const [of, now] = [first, second].map(({ meter }) => `${meter.eventName} (${meter.id})`);
    differences.push({ what: 'meter', first: of, second: now });
  }
  differences.push(...payloadDifferences(first, second));
  const [firstMs, secondMs] = [first.event.timestampMs, second.event.timestampMs];
  if (timestampIsSent && firstMs !== secondMs) {
    const [of, now] = [formatRfc3339(firstMs), formatRfc3339(secondMs)];
    differences.push({ what: 'timestamp', first: of, second: now });
  }
  return differences;
}

function payloadDifferences(first: MeasuredEvent, second: MeasuredEvent): readonly Difference[] {
  const [payload, again] = [first, second].map(({ meter, event }) => wholePayload(meter, event));
  // What both meters read as the customer, or as the value, goes by that name.
  const shared = (key: 'customerKey' | 'valueKey'): string | undefined =>
    first.meter[key] === second.meter[key] ? first.meter[key] : undefined;
  const customerKey = shared('customerKey');
  const valueKey = isMeasured(first) && isMeasured(second) ? shared('valueKey') : undefined;
  const keys = [customerKey, valueKey, ...payload!.keys(), ...again!.keys()];
  return [...new Set(keys)].flatMap((key) => {
    if (key === undefined) return [];
    if (key === customerKey)
      return differing('customer', first.event.customer, second.event.customer);
    if (key !== valueKey) return differing(`payload[${key}]`, payload!.get(key), again!.get(key));
    const [of, now] = [first.event.value, second.event.value];
    return differing('value', formatQuantity(of), formatQuantity(now));
  });
}

/** Whether the meter takes a value from the payload. */
function isMeasured({ meter }: MeasuredEvent): boolean {
  return meter.formula !== 'count';
}

function differing(
  what: string,
  first: string | undefined,
  second: string | undefined,
): readonly Difference[] {
  return first === second ? [] : [{ what, first, second }];
}

/** The event that has the identifier, as a refusal tells of it. */
export type FirstEvent = {
  readonly identifier: string;
  readonly meter: Pick<Meter, 'id' | 'eventName'>;
  /** Left out where it is not known. */
  readonly receivedAtMs?: number;
  /** When it was cancelled, if it was. */
  readonly cancelledAtMs?: number | undefined;
};

/** So many are told with their values; a payload may have a hundred keys. */
const TOLD_MAX = 8;

/**
 * What is told of a duplicate, in sentences. `reads`: whether the reader may see what the first event says; else only
 * the names of what differs are told.
 */
export function describeDuplicate(
  { identifier, meter, receivedAtMs, cancelledAtMs }: FirstEvent,
  differences: readonly Difference[],
  reads: boolean,
): string {
  const told = differences.slice(0, TOLD_MAX).map((one) => (reads ? toText(one) : shown(one.what)));
  const more = differences.length - told.length;
  if (more > 0) told.push(`${more} more`);
  return [
    alreadyExists(identifier),
    `It is on meter ${nameOf(meter)}${receivedAtMs === undefined ? '' : `, received at ${formatRfc3339(receivedAtMs)}`};`,
    told.length === 0 ? 'this one has the same content.' : `this one differs in ${inWords(told)}.`,
    ...(cancelledAtMs === undefined ? [] : [cancelled(cancelledAtMs)]),
  ].join(' ');
}

/** What is told of a duplicate when the first event cannot be shown. */
export function alreadyExists(identifier: string): string {
  return `An event already exists with identifier ${bareOrQuoted(identifier)}.`;
}

function cancelled(atMs: number): string {
  return `It was cancelled at ${formatRfc3339(atMs)}, and a cancelled event keeps its identifier: send another one under a new identifier.`;
}

function nameOf({ eventName, id }: Pick<Meter, 'id' | 'eventName'>): string {
  return `${quoted(eventName)} (${id})`;
}

function toText({ what, first, second }: Difference): string {
  return `${shown(what)} (${said(first)}, here ${said(second)})`;
}

function said(text: string | undefined): string {
  return text === undefined ? 'absent' : quoted(text);
}

function inWords(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length === 1 ? last : `${items.slice(0, -1).join(', ')} and ${last}`;
}
