/**
 * What one customer has used, counted by the sender: the oracle of the soak. It knows nothing of the server but which
 * events it has acknowledged, and holds a few numbers a minute, so that it may run for weeks.
 */
import { ONE, units } from '../support/decimal.ts';
import { HOUR_S, MINUTE_S } from '../support/times.ts';

export const METERS = {
  soak_sum: { formula: 'sum' },
  soak_count: { formula: 'count' },
  soak_last: { formula: 'last' },
  soak_window: { formula: 'sum', event_time_window: 'hour' },
} as const;
export type MeterName = keyof typeof METERS;
export const METER_NAMES = Object.keys(METERS) as readonly MeterName[];

export type TalliedEvent = {
  readonly meter: MeterName;
  readonly customer: string;
  readonly identifier: string;
  readonly value: string;
  readonly timestampS: number;
};

type Kept = { timestampS: number; value: bigint };

export class Tally {
  /** By meter; by the start of a minute, or of an hour for the windowed meter. */
  readonly #kept: Readonly<Record<MeterName, Map<number, Kept>>> = {
    soak_sum: new Map(),
    soak_count: new Map(),
    soak_last: new Map(),
    soak_window: new Map(),
  };

  /** To be called once an event, in the order in which they were sent. */
  add(event: TalliedEvent): void {
    const { meter, timestampS } = event;
    const kept = this.#at(event);
    const value = meter === 'soak_count' ? ONE : units(event.value);
    if (meter === 'soak_sum' || meter === 'soak_count') kept.value += value;
    // The later time is the last one; of equal times, and in a window, the later arrival.
    else if (meter === 'soak_window' || timestampS >= kept.timestampS) {
      Object.assign(kept, { timestampS, value });
    }
  }

  /** Takes an event out of a sum or a count. */
  cancel(event: TalliedEvent): void {
    if (!isCancellable(event)) throw new Error(`what ${event.meter} held before is not kept`);
    this.#at(event).value -= event.meter === 'soak_count' ? ONE : units(event.value);
  }

  /** The value of [startS, endS), whole minutes; 0 without events. */
  value(meter: MeterName, startS: number, endS: number): bigint {
    let sum = 0n;
    let last: Kept | undefined;
    for (const [at, kept] of this.#kept[meter]) {
      const timeS = meter === 'soak_window' ? kept.timestampS : at;
      if (timeS < startS || timeS >= endS) continue;
      sum += kept.value;
      if (last === undefined || kept.timestampS > last.timestampS) last = kept;
    }
    return meter === 'soak_last' ? (last?.value ?? 0n) : sum;
  }

  #at({ meter, timestampS }: TalliedEvent): Kept {
    const stepS = meter === 'soak_window' ? HOUR_S : MINUTE_S;
    const start = timestampS - (timestampS % stepS);
    const kept = this.#kept[meter].get(start) ?? { timestampS: start, value: 0n };
    this.#kept[meter].set(start, kept);
    return kept;
  }
}

export function isCancellable({ meter }: TalliedEvent): boolean {
  return meter === 'soak_sum' || meter === 'soak_count';
}
