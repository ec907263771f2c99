/**
 * What was sent to a server that is backed up under load. Each lane sends one request at a time for a customer of its own, so
 * its order of sending is the order of arrival. The ledger counts what is in a given set of events.
 */
import { ONE, units } from '../support/decimal.ts';
import { HOUR_S } from '../support/times.ts';

export const METERS = {
  backup_sum: { formula: 'sum' },
  backup_count: { formula: 'count' },
  backup_last: { formula: 'last' },
  backup_window: { formula: 'sum', event_time_window: 'hour' },
} as const;
export type MeterName = keyof typeof METERS;

export type Sent = {
  readonly meter: MeterName;
  readonly customer: string;
  readonly identifier: string;
  readonly value: string;
  readonly timestampS: number;
  /** Undefined: it was sent in a batch of the stream, or alone without a key. */
  readonly idempotencyKey: string | undefined;
  answer: string | undefined;
  isAcknowledged: boolean;
  cancel: 'no' | 'sent' | 'acknowledged';
};

/** How far the ledger had come at one moment. */
export type Mark = {
  readonly sent: ReadonlySet<string>;
  readonly acknowledged: ReadonlySet<string>;
  readonly cancelsSent: ReadonlySet<string>;
  readonly cancelsAcknowledged: ReadonlySet<string>;
};

export class Ledger {
  readonly events: Sent[] = [];

  get acknowledged(): number {
    return this.events.filter((event) => event.isAcknowledged).length;
  }

  mark(): Mark {
    const those = (isOne: (event: Sent) => boolean): ReadonlySet<string> =>
      new Set(this.events.filter(isOne).map(({ identifier }) => identifier));
    return {
      sent: those(() => true),
      acknowledged: those((event) => event.isAcknowledged),
      cancelsSent: those((event) => event.cancel !== 'no'),
      cancelsAcknowledged: those((event) => event.cancel === 'acknowledged'),
    };
  }

  /** Every value by meter, customer and hour, and in all (hour 0), of the events that `counts` takes. */
  usage(counts: (event: Sent) => boolean): ReadonlyMap<string, bigint> {
    const survivors = new Map<string, Sent>();
    for (const event of this.events.filter(counts)) {
      const { meter, customer, identifier, timestampS } = event;
      const isLast = meter === 'backup_window';
      survivors.set(isLast ? `${customer} ${hourOf(timestampS)}` : identifier, event);
    }
    // Stable: of one time, in the order of arrival.
    const inTime = [...survivors.values()].toSorted((a, b) => a.timestampS - b.timestampS);
    const values = new Map<string, bigint>();
    for (const { meter, customer, value, timestampS } of inTime) {
      for (const hour of [0, hourOf(timestampS)]) {
        const key = `${meter} ${customer} ${hour}`;
        const before = values.get(key) ?? 0n;
        if (meter === 'backup_count') values.set(key, before + ONE);
        else if (meter === 'backup_last') values.set(key, units(value));
        else values.set(key, before + units(value));
      }
    }
    return values;
  }
}

function hourOf(timestampS: number): number {
  return Math.floor(timestampS / HOUR_S) * HOUR_S;
}
