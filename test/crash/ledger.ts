/**
 * What was sent, in the sender's order, and what became of it. The oracle of the crash test: it knows
 * nothing of the server but its answers.
 */
import { ONE, units } from '../support/decimal.ts';
import { HOUR_S } from '../support/times.ts';

/** `free` meters do not depend on the order of arrival; the `ordered` ones do. */
export const METERS = {
  crash_sum: { formula: 'sum' },
  crash_count: { formula: 'count' },
  crash_last: { formula: 'last' },
  crash_window: { formula: 'sum', event_time_window: 'hour' },
} as const;
export type MeterName = keyof typeof METERS;

export type SentEvent = {
  readonly meter: MeterName;
  readonly customer: string;
  readonly value: string;
  readonly timestampS: number;
  /** Undefined: the server makes one, and only the Idempotency-Key tells a retry. */
  readonly identifier: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** It was sent in a batch, and without an identifier it can only be sent again with it. */
  readonly isBatched: boolean;
  /** The whole answer of success; undefined as long as the outcome is not known. */
  answer: string | undefined;
  /** A duplicate's refusal proves that it is stored, though its answer was lost. */
  stored: boolean;
  cancel: 'no' | 'sent' | 'acknowledged';
};

/** One request of the stream. */
export type SentBatch = {
  /** In the order of the list: events that are new, events that were sent before, and what is rejected. */
  readonly list: readonly (SentEvent | 'bad')[];
  /** Those that are new, each once. Either all of them are stored or none is. */
  readonly fresh: readonly SentEvent[];
  /** Without it, only identifiers tell a retry. */
  readonly idempotencyKey: string | undefined;
  /** The whole answer of success; undefined as long as the outcome is not known. */
  answer: string | undefined;
};

export type SentCustomer = {
  readonly idempotencyKey: string;
  readonly name: string;
  answer: string | undefined;
};

export class Ledger {
  readonly events: SentEvent[] = [];
  readonly batches: SentBatch[] = [];
  readonly customers: SentCustomer[] = [];

  /** Of one customer on one meter: how many are known to be stored, and how many were sent. */
  bounds(meter: MeterName, customer: string): { readonly stored: number; readonly sent: number } {
    const sent = this.events.filter((e) => e.meter === meter && e.customer === customer);
    return { stored: sent.filter((event) => event.stored).length, sent: sent.length };
  }

  /** Exact values by start of the hour; key 0 holds the whole. Counts every event that was sent and not cancelled. */
  usage(meter: MeterName, customer: string): ReadonlyMap<number, bigint> {
    const counted = this.events.filter(
      (e) => e.meter === meter && e.customer === customer && e.cancel === 'no',
    );
    const survivors =
      meter === 'crash_window'
        ? [...new Map(counted.map((event) => [hourOf(event), event])).values()]
        : counted;
    const inTime = survivors.toSorted((a, b) => a.timestampS - b.timestampS); // stable
    const values = new Map<number, bigint>();
    for (const event of inTime) {
      for (const start of [0, hourOf(event)]) {
        const before = values.get(start) ?? 0n;
        if (meter === 'crash_count') values.set(start, before + ONE);
        else if (meter === 'crash_last') values.set(start, units(event.value));
        else values.set(start, before + units(event.value));
      }
    }
    return values;
  }

  /** Every meter and customer that an event was sent for. */
  pairs(): readonly { readonly meter: MeterName; readonly customer: string }[] {
    const keys = this.events.map(
      ({ meter, customer }) => [`${meter} ${customer}`, { meter, customer }] as const,
    );
    return [...new Map(keys).values()];
  }
}

function hourOf(event: SentEvent): number {
  return Math.floor(event.timestampS / HOUR_S) * HOUR_S;
}
