/**
 * Events to values: the rules of metering, without storage. A store may aggregate faster in SQL; these
 * functions stay its oracle (promise P6).
 */
import type { MeterEvent } from './meter-events/meter-event.ts';
import type { EventTimeWindow, Formula } from './meter.ts';
import { UNITS_PER_ONE, type Quantity } from './quantity.ts';
import { windowMs, windowStartMs, type GroupingWindow } from './windows.ts';

/** What the rules look at. Sequences are unique, so every order below is total. */
export type UsageEvent = Pick<MeterEvent, 'timestampMs' | 'sequence' | 'value'>;

export type SummaryRule = {
  readonly formula: Formula;
  readonly eventTimeWindow: EventTimeWindow | null;
  /** Null: one row for the whole range. */
  readonly groupingWindow: GroupingWindow | null;
  /** Half open: [startMs, endMs). Whole windows when grouped; the caller sees to that. */
  readonly startMs: number;
  readonly endMs: number;
};

/** The usage of [startMs, endMs). */
export type Summary = {
  readonly startMs: number;
  readonly endMs: number;
  readonly value: Quantity;
};

/**
 * Folds events into one value; 0 when there are none.
 *
 * `last` is the greatest `timestampMs`, then the greatest `sequence` (the order of arrival), so the result
 * never depends on the order in which a store returns rows.
 */
export function aggregate(formula: Formula, events: readonly UsageEvent[]): Quantity {
  switch (formula) {
    case 'sum':
      return events.reduce((total, event) => total + event.value, 0n);
    case 'count':
      return BigInt(events.length) * UNITS_PER_ONE;
    case 'last':
      return events.reduce<UsageEvent | undefined>(later, undefined)?.value ?? 0n;
  }
}

/**
 * The events of one customer that count on a meter with this `event_time_window`: of each UTC window, by the
 * events' own timestamps, only the one received last (Stripe: the object `billing.meter`). It keeps its
 * timestamp. Null: all of them. In no particular order.
 */
export function survivors<Event extends UsageEvent>(
  events: readonly Event[],
  eventTimeWindow: EventTimeWindow | null,
): readonly Event[] {
  if (eventTimeWindow === null) return events;
  const newest = new Map<number, Event>();
  for (const event of events) {
    const startMs = windowStartMs(eventTimeWindow, event.timestampMs);
    const rival = newest.get(startMs);
    if (rival === undefined || event.sequence > rival.sequence) newest.set(startMs, event);
  }
  return [...newest.values()];
}

/**
 * The summaries of one customer's events, newest window first; windows without usage are left out.
 *
 * `events` are all the customer's on this meter, without the cancelled ones. Which of them survive is
 * decided before the range is applied: a range that cuts through an `event_time_window` does not bring back
 * what was replaced. A grouped row has its window's bounds, the ungrouped one those of the range.
 */
export function summarize(rule: SummaryRule, events: readonly UsageEvent[]): readonly Summary[] {
  const groups = new Map<number, UsageEvent[]>();
  for (const event of survivors(events, rule.eventTimeWindow)) {
    if (event.timestampMs < rule.startMs || event.timestampMs >= rule.endMs) continue;
    const startMs = groupStartMs(rule, event.timestampMs);
    const group = groups.get(startMs);
    if (group === undefined) groups.set(startMs, [event]);
    else group.push(event);
  }
  return [...groups]
    .sort(([a], [b]) => b - a)
    .map(([startMs, group]) => ({
      startMs,
      endMs: rule.groupingWindow === null ? rule.endMs : startMs + windowMs(rule.groupingWindow),
      value: aggregate(rule.formula, group),
    }));
}

function groupStartMs(rule: SummaryRule, timestampMs: number): number {
  return rule.groupingWindow === null
    ? rule.startMs
    : windowStartMs(rule.groupingWindow, timestampMs);
}

function later(a: UsageEvent | undefined, b: UsageEvent): UsageEvent {
  if (a === undefined || a.timestampMs < b.timestampMs) return b;
  return a.timestampMs === b.timestampMs && a.sequence < b.sequence ? b : a;
}
