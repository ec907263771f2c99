/**
 * Usage alerts: Stripe's `billing.alert` of type `usage_threshold`, and when one fires. Beyond Stripe, an alert may
 * come back every month or day of the UTC calendar.
 *
 * It fires once for each customer and period: when the usage that the meter's own formula gives for the period is at
 * the threshold or above, and some of it was reported after the alert was made or last activated (Stripe's docs:
 * usage alerts count earlier usage and fire on later usage only).
 */
import { DAY_MS } from './time.ts';
import type { Namespace } from './namespace.ts';
import type { Quantity } from './quantity.ts';
import { formatRfc3339, parseRfc3339 } from './rfc3339.ts';
import { windowStartMs } from './windows.ts';

export type Recurrence = 'one_time' | 'monthly' | 'daily';
export const RECURRENCES = [
  'one_time',
  'monthly',
  'daily',
] as const satisfies readonly Recurrence[];

export type AlertStatus = 'active' | 'inactive' | 'archived';

export type Alert = {
  readonly id: string;
  readonly namespace: Namespace;
  readonly title: string;
  readonly meterId: string;
  /** Null: every customer, each by itself. */
  readonly customer: string | null;
  /** Above 0. */
  readonly gte: Quantity;
  readonly recurrence: Recurrence;
  readonly status: AlertStatus;
  readonly createdS: number;
  /** The last sequence that was given out when it was made or last activated. */
  readonly sinceSequence: number;
};

/** Those of a namespace that are not archived: one for each of a hundred thousand customers. */
export const ALERTS_MAX = 100_000;
/** The active ones of a meter about all customers, and those about any one: all are held against what it uses. */
export const ALERTS_ABOUT_ONE_MAX = 25;

/** An alert that fired. */
export type Trigger = {
  readonly alert: Alert;
  readonly customer: string;
  readonly periodStartMs: number;
  readonly value: Quantity;
  readonly createdMs: number;
};

/** Fires again from now on, for periods that it has not fired for. Activating twice changes nothing. */
export function activate(alert: Alert, sinceSequence: number): Alert {
  return alert.status === 'active' ? alert : { ...alert, status: 'active', sinceSequence };
}

export function deactivate(alert: Alert): Alert {
  return alert.status === 'inactive' ? alert : { ...alert, status: 'inactive' };
}

/** For good: an archived alert is in no list and changes no more. */
export function archive(alert: Alert): Alert {
  return alert.status === 'archived' ? alert : { ...alert, status: 'archived' };
}

/** Half open, in whole UTC days. */
export type Period = { readonly startMs: number; readonly endMs: number | 'open' };

/** The period of a recurrence that holds this moment; all time for `one_time`. */
export function periodOf(recurrence: Recurrence, timestampMs: number): Period {
  switch (recurrence) {
    case 'one_time':
      return { startMs: 0, endMs: 'open' };
    case 'daily': {
      const startMs = windowStartMs('day', timestampMs);
      return { startMs, endMs: startMs + DAY_MS };
    }
    case 'monthly': {
      const startMs = monthStartMs(timestampMs);
      return { startMs, endMs: monthStartMs(startMs + MORE_THAN_A_MONTH_MS) };
    }
  }
}

/** What is used in a period, and the last event that is in it. */
type Usage = { readonly value: Quantity; readonly lastSequence: number };

export function isCrossed({ gte, sinceSequence }: Alert, { value, lastSequence }: Usage): boolean {
  return value >= gte && lastSequence > sinceSequence;
}

const MORE_THAN_A_MONTH_MS = 32 * DAY_MS;

function monthStartMs(timestampMs: number): number {
  const firstDay = `${formatRfc3339(timestampMs).slice(0, 'yyyy-mm-'.length)}01T00:00:00Z`;
  // A time that was written by the rules is read by them.
  return parseRfc3339(firstDay)!;
}
