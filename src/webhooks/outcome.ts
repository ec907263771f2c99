import type { Deliveries, Due, Settled } from '../catalog/core-events.ts';
import {
  ATTEMPTS_KEPT,
  isSuccess,
  nextTryMs,
  type Attempt,
} from '../domain/core-events/delivery.ts';
import { failingSince } from '../domain/core-events/destination.ts';

/** What a try makes of a delivery: done, due again, or given up. `jitter` is drawn evenly from [0, 1). */
export function outcomeOf(due: Due, attempt: Attempt, nowMs: number, jitter: number): Settled {
  const succeeded = isSuccess(attempt);
  const tries = due.tries + 1;
  const dueMs = succeeded ? undefined : nextTryMs(tries, nowMs, jitter);
  return {
    ...due,
    tries,
    state: succeeded ? 'succeeded' : dueMs === undefined ? 'failed' : 'pending',
    dueMs: dueMs ?? null,
    attempts: [...due.attempts, attempt].slice(-ATTEMPTS_KEPT),
    failingSinceMs: failingSince(due.destination, succeeded, attempt.startedMs),
  };
}

/** Without a try: its destination was disabled meanwhile, as Stripe has it. */
export function giveUp(due: Due): Settled {
  const { failingSinceMs } = due.destination;
  return { ...due, state: 'failed', dueMs: null, failingSinceMs };
}

/** Keeps outcomes that come in one turn in one transaction. */
export class Outcomes {
  readonly #deliveries: Pick<Deliveries, 'settle'>;
  #waiting: Settled[] = [];
  #kept: Promise<void> | undefined;

  constructor(deliveries: Pick<Deliveries, 'settle'>) {
    this.#deliveries = deliveries;
  }

  /** Throws what the catalog throws; then none of the turn is kept. */
  keep(outcome: Settled): Promise<void> {
    this.#waiting.push(outcome);
    this.#kept ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const outcomes = this.#waiting;
        this.#waiting = [];
        this.#kept = undefined;
        try {
          this.#deliveries.settle(outcomes);
          resolve();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    return this.#kept;
  }
}
