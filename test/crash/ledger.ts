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
  /** The API that it is sent to, also again: a key stands for one request. */
  readonly wire: 'v1' | 'v2';
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

export type Pair = { readonly meter: MeterName; readonly customer: string };
/** [from, to) in seconds. */
export type Range = readonly [startS: number, endS: number];

export class Ledger {
  readonly events: SentEvent[] = [];
  readonly batches: SentBatch[] = [];
  readonly customers: SentCustomer[] = [];

  /** Of one customer on one meter: how many are known to be stored, and how many were sent. */
  bounds(meter: MeterName, customer: string): { readonly stored: number; readonly sent: number } {
    const sent = this.events.filter((e) => e.meter === meter && e.customer === customer);
    return { stored: sent.filter((event) => event.stored).length, sent: sent.length };
  }

  /** Exact values by start of the hour. Counts every event that was sent and not cancelled. */
  usage(meter: MeterName, customer: string): ReadonlyMap<number, bigint> {
    const byHour = Map.groupBy(this.#survivors(meter, customer), hourOf);
    return new Map([...byHour].map(([hour, events]) => [hour, fold(meter, events)]));
  }

  /** The exact value of a range, which may cut hours. */
  total(meter: MeterName, customer: string, [startS, endS]: Range): bigint {
    const isIn = ({ timestampS }: SentEvent): boolean => timestampS >= startS && timestampS < endS;
    return fold(meter, this.#survivors(meter, customer).filter(isIn));
  }

  /** What counts, in the order of time, then of arrival. */
  #survivors(meter: MeterName, customer: string): readonly SentEvent[] {
    const counted = this.events.filter(
      (e) => e.meter === meter && e.customer === customer && e.cancel === 'no',
    );
    const survivors =
      meter === 'crash_window'
        ? [...new Map(counted.map((event) => [hourOf(event), event])).values()]
        : counted;
    return survivors.toSorted((a, b) => a.timestampS - b.timestampS); // stable
  }

  /** Every meter and customer that an event was sent for. */
  pairs(): readonly Pair[] {
    const keys = this.events.map(
      ({ meter, customer }) => [`${meter} ${customer}`, { meter, customer }] as const,
    );
    return [...new Map(keys).values()];
  }
}

function fold(meter: MeterName, events: readonly SentEvent[]): bigint {
  switch (meter) {
    case 'crash_count':
      return BigInt(events.length) * ONE;
    case 'crash_last':
      return units(events.at(-1)?.value ?? '0');
    case 'crash_sum':
    case 'crash_window':
      return events.reduce((sum, { value }) => sum + units(value), 0n);
  }
}

function hourOf(event: SentEvent): number {
  return Math.floor(event.timestampS / HOUR_S) * HOUR_S;
}
