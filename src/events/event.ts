import type { Namespace } from '../namespace.ts';
import type { Quantity } from '../quantity.ts';

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
  /** As sent: every key and text, the customer's and the value's included. */
  readonly payload: ReadonlyMap<string, string>;
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
