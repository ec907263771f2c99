import type { Namespace } from './namespace.ts';

/** How a meter folds values: Stripe's `default_aggregation.formula`. */
export type Formula = 'sum' | 'count' | 'last';
export const FORMULAS = ['count', 'last', 'sum'] as const satisfies readonly Formula[];

/** Stripe's `event_time_window`: the last received event of each UTC window replaces the earlier ones. */
export type EventTimeWindow = 'hour' | 'day';
export const EVENT_TIME_WINDOWS = ['day', 'hour'] as const satisfies readonly EventTimeWindow[];

export type MeterStatus = 'active' | 'inactive';

/** Those of a namespace; all are in memory, and none is ever deleted. */
export const METERS_MAX = 10_000;
/** Active or not: each event is read by the first of them that is active. */
export const METERS_OF_EVENT_NAME_MAX = 100;

/** A billing meter. Only `displayName` and `status` ever change; there is no delete (Stripe: configure meters). */
export type Meter = {
  readonly id: string;
  readonly namespace: Namespace;
  readonly displayName: string;
  readonly eventName: string;
  readonly formula: Formula;
  readonly eventTimeWindow: EventTimeWindow | null;
  /** The payload key that names the customer. */
  readonly customerKey: string;
  /** The payload key that holds the value. */
  readonly valueKey: string;
  readonly status: MeterStatus;
  readonly createdS: number;
  readonly updatedS: number;
  readonly deactivatedAtS: number | null;
};

/** A renamed meter; the same object when the name is the same, so that nothing is written. */
export function rename(meter: Meter, displayName: string, nowS: number): Meter {
  if (meter.displayName === displayName) return meter;
  return { ...meter, displayName, updatedS: nowS };
}

/** An inactive meter takes no events; its usage stays readable. Deactivating twice changes nothing. */
export function deactivate(meter: Meter, nowS: number): Meter {
  if (meter.status === 'inactive') return meter;
  return { ...meter, status: 'inactive', deactivatedAtS: nowS, updatedS: nowS };
}

/** Takes events again. Reactivating twice changes nothing; the catalog refuses a clash of event names. */
export function reactivate(meter: Meter, nowS: number): Meter {
  if (meter.status === 'active') return meter;
  return { ...meter, status: 'active', deactivatedAtS: null, updatedS: nowS };
}
