import type { Namespace } from '../namespace.ts';
import type { Decimal, Quantity } from '../quantity.ts';

/** An accepted meter event, as stored. Never edited, never deleted; a cancellation is a fact of its own. */
export type MeterEvent = {
  readonly namespace: Namespace;
  readonly meterId: string;
  readonly customer: string;
  /** When the usage happened, as the sender says. */
  readonly timestampMs: number;
  /** The order of acceptance over all namespaces. Never reused; gaps are allowed. */
  readonly sequence: number;
  readonly receivedAtMs: number;
  /** Unique in the namespace for as long as an event this old can be sent (promise P4). */
  readonly identifier: string;
  /** 1 for an event of a `count` meter, whatever its payload says. */
  readonly value: Quantity;
  /**
   * What the payload says beyond `customer` and `value`: mostly nothing, so it is not stored twice. The value's
   * own text is here when `formatQuantity` would write it otherwise (`1.50`), or when the meter ignores it.
   */
  readonly rest: Payload;
};

/** Keys and texts as they were sent. */
export type Payload = ReadonlyMap<string, string>;

export const NOTHING_MORE: Payload = new Map();

/** An event that was checked and is not accepted yet. */
export type IncomingEvent = Omit<MeterEvent, 'sequence' | 'value'> & {
  readonly value: Decimal;
  /** Else the timestamp is the time of arrival, and a duplicate need not have the same. */
  readonly timestampIsSent: boolean;
};

/** The fact that an event was cancelled. The event stays; the sums leave it out. */
export type Cancellation = {
  readonly namespace: Namespace;
  readonly meterId: string;
  readonly customer: string;
  /** The cancelled event's own timestamp and sequence. */
  readonly timestampMs: number;
  readonly sequence: number;
  readonly identifier: string;
  readonly cancelledAtMs: number;
  readonly requestId: string;
};

/** The fact that an event of a stream was answered with success and could not be counted. */
export type RejectedEvent = {
  readonly namespace: Namespace;
  /** In one order with the events: what comes after it can be asked for. */
  readonly sequence: number;
  readonly receivedAtMs: number;
  /** As sent; '' where there was none, or none that an event may have. */
  readonly eventName: string;
  readonly identifier: string;
  /** The meter that it was for; '' when there is none of its name. */
  readonly meterId: string;
  /** The event as JSON, cut to a bounded length: for people to look at. */
  readonly sent: string;
  /** Stripe's code (see rejections.ts) and a sentence for people. */
  readonly code: string;
  readonly message: string;
  readonly requestId: string;
  /**
   * Of a duplicate: the sequence of the event that has its identifier. Absent for what could not be counted for a reason
   * of its own.
   */
  readonly duplicateOf?: number;
};
