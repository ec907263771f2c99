/**
 * What a customer may have used at most in a period, and the next threshold above it: as long as the bound is below, no
 * alert can have been crossed and nobody need be asked. Only for sums and counts, where what comes adds up; negative
 * values are left out of the bound, and what is counted twice only raises it. It holds for the alerts that it was made for
 * and no others. In memory, and bounded (P10).
 */
import type { Alert, Period, Recurrence } from '../domain/alert.ts';
import type { Meter } from '../domain/meter.ts';
import type { Namespace } from '../domain/namespace.ts';
import { UNITS_PER_ONE, type Quantity } from '../domain/quantity.ts';
import type { Arrived, Touched } from '../usage/customer-usage.ts';

/** A meter in one period of one recurrence. */
export type Group = {
  readonly namespace: Namespace;
  readonly meterId: string;
  readonly recurrence: Recurrence;
  readonly period: Period;
};

/** What came, as far as it can raise a sum, and a count. Undefined: not known. */
export type Added = { readonly sum: Quantity; readonly count: Quantity } | undefined;

type Bound = {
  readonly formula: 'sum' | 'count';
  upTo: Quantity;
  /** Undefined when none is left. */
  readonly next: Quantity | undefined;
  /** Of the customer; see AlertsOfMeters for how long a list is the same. */
  readonly about: readonly Alert[];
};

/** Some 200 bytes each. */
const BOUNDS_MAX = 1_000_000;

export class UpperBounds {
  #bounds = new Map<string, Bound>();

  /** False when nothing can have been crossed by what came, which it adds to the bound. */
  mayCross(group: Group, customer: string, about: readonly Alert[], added: Added): boolean {
    const key = keyOf(group, customer);
    const bound = this.#bounds.get(key);
    if (bound === undefined || bound.about !== about || added === undefined) {
      // Whoever is asked for may have nothing left, all of it cancelled: then no other bound takes its place.
      this.#bounds.delete(key);
      return true;
    }
    if (bound.next === undefined) return false;
    bound.upTo += added[bound.formula];
    return bound.upTo >= bound.next;
  }

  /** `value` is exact; `open` are those of `about` that have this recurrence and are not crossed yet. */
  put(
    group: Group,
    { formula, eventTimeWindow }: Pick<Meter, 'formula' | 'eventTimeWindow'>,
    of: {
      readonly customer: string;
      readonly value: Quantity;
      readonly about: readonly Alert[];
      readonly open: readonly Alert[];
    },
  ): void {
    if (formula === 'last' || eventTimeWindow !== null) return;
    // Another map: to clear this one would hold the thread.
    if (this.#bounds.size >= BOUNDS_MAX) this.#bounds = new Map();
    const next = of.open.reduce<Quantity | undefined>(
      (least, { gte }) => (least === undefined || gte < least ? gte : least),
      undefined,
    );
    this.#bounds.set(keyOf(group, of.customer), { formula, upTo: of.value, next, about: of.about });
  }
}

function keyOf({ meterId, recurrence, period }: Group, customer: string): string {
  return `${meterId} ${recurrence} ${period.startMs} ${customer}`;
}

export function addedBy(touched: Touched | Arrived): Added {
  if (!('added' in touched)) return undefined;
  return { sum: touched.added, count: BigInt(touched.count) * UNITS_PER_ONE };
}
