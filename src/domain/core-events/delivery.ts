/** One event on its way to one destination: how often it was tried, and when it is tried again. */

import { HOUR_MS, MINUTE_MS } from '../time.ts';

/** `failed`: given up; a person may send it again. */
export type DeliveryState = 'pending' | 'succeeded' | 'failed';
export const DELIVERY_STATES = [
  'pending',
  'succeeded',
  'failed',
] as const satisfies readonly DeliveryState[];

export type Attempt = {
  readonly startedMs: number;
  readonly durationMs: number;
  /** Null when there was no answer; then `error` says why. */
  readonly status: number | null;
  /** The start of the answer's body. */
  readonly answer: string | null;
  readonly error: string | null;
};

export type Delivery = {
  readonly eventId: string;
  readonly eventType: string;
  readonly eventCreatedMs: number;
  readonly state: DeliveryState;
  /** When it is tried next; null when it is not. */
  readonly dueMs: number | null;
  /** The latest, the oldest of them first. */
  readonly attempts: readonly Attempt[];
};

/** More than the schedule has; what is sent again and again by hand keeps only the latest. */
export const ATTEMPTS_KEPT = 20;
/** What is kept of an answer: enough for a message of error. */
export const ANSWER_LENGTH_MAX = 512;

/**
 * How long after a failed try the next one comes: 12 tries over 72 hours. Stripe says "up to three days with an
 * exponential back off" and no more, so the steps are ours.
 */
export const RETRY_DELAYS_MS: readonly number[] = [
  MINUTE_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
  12 * HOUR_MS,
  12 * HOUR_MS,
  12 * HOUR_MS,
  12 * HOUR_MS,
  3 * HOUR_MS + 24 * MINUTE_MS,
];
/** Up to this part of a delay is added, so that what failed together is not tried together. */
export const JITTER_MAX = 0.1;

/**
 * When to try again after try number `tries` (counted from 1) failed at `nowMs`; undefined: give up. `jitter` is drawn
 * evenly from [0, 1).
 */
export function nextTryMs(tries: number, nowMs: number, jitter: number): number | undefined {
  const delayMs = RETRY_DELAYS_MS[tries - 1];
  if (delayMs === undefined) return undefined;
  return nowMs + Math.round(delayMs * (1 + JITTER_MAX * jitter));
}

/** Any 2xx; a redirect is none (Stripe: webhooks). */
export function isSuccess({ status }: Pick<Attempt, 'status'>): boolean {
  return status !== null && status >= 200 && status <= 299;
}
