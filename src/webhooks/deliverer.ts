/**
 * Brings events to their destinations, at least once. Each destination is a lane: one delivery at a time, in the order
 * of events; what failed comes again when its time has come, and others go on meanwhile. A slow lane holds up no other.
 *
 * The queue is in the catalog; here is only when to look at it. With nothing pending there is no timer. A crash loses
 * at most that a delivery was made: then it is made again.
 */
import { toSeconds } from '../domain/time.ts';
import type { Destinations, Deliveries, Due, Lane } from '../catalog/core-events.ts';
import { type Clock } from '../lib/clock.ts';
import {
  disable,
  isToBeDisabled,
  secretsAt,
  toDisabledEvent,
} from '../domain/core-events/destination.ts';
import { deliveryBody } from '../domain/core-events/wire.ts';
import { newCoreEventId } from '../lib/ids.ts';
import { logError, logWarning } from '../lib/log.ts';
import { modeOf } from '../domain/namespace.ts';
import { giveUp, outcomeOf, Outcomes } from './outcome.ts';
import { pauseMs } from './pause.ts';
import type { Sender } from './sender.ts';
import { signatureHeader } from './signature.ts';

/** Sockets and bodies in memory (P10). Of slow destinations each holds one for 10 s at most. */
const IN_FLIGHT_MAX = 100;
/** A machine that slept, or whose clock was set, is noticed after so long. */
const LOOK_AGAIN_MS = 60_000;
/** How long a closing server waits for answers; what has none then is delivered again after the next start. */
const CLOSE_TIMEOUT_MS = 3000;

export type DelivererParts = {
  readonly deliveries: Deliveries;
  readonly destinations: Pick<Destinations, 'change'>;
  readonly sender: Pick<Sender, 'post' | 'close'>;
  readonly clock: Clock;
  /** Evenly from [0, 1). */
  readonly random?: () => number;
};

type LaneState = {
  dueMs: number;
  isBusy: boolean;
  /** In a row. */
  failures: number;
  pausedUntilMs: number;
};

export class Deliverer {
  readonly #parts: DelivererParts;
  readonly #random: () => number;
  readonly #lanes = new Map<Lane, LaneState>();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #outcomes: Outcomes;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #isClosing = false;
  /** What is under way now has no outcome. */
  #isAbandoned = false;

  constructor(parts: DelivererParts) {
    this.#parts = parts;
    this.#random = parts.random ?? Math.random;
    this.#outcomes = new Outcomes(parts.deliveries);
  }

  /** Takes up what was left, and from then on what becomes due. */
  start(): void {
    const { deliveries } = this.#parts;
    deliveries.onDue((lanes) => this.#onDue(lanes));
    for (const { lane, dueMs } of deliveries.lanes()) this.#lanes.set(lane, newLane(dueMs));
    this.lookSoon();
  }

  /** Starts what is due by the clock, after the transaction that is open. */
  lookSoon(): void {
    if (this.#isLooking || this.#isClosing) return;
    this.#isLooking = true;
    setImmediate(() => {
      this.#isLooking = false;
      if (!this.#isClosing) this.#look();
    });
  }

  /** Waits a while for what is under way. The catalog may be closed after that. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
    await Promise.race([Promise.all(this.#inFlight), timeout]);
    clearTimeout(timer);
    this.#isAbandoned = true;
    await this.#parts.sender.close();
    await Promise.all(this.#inFlight);
  }

  /** Something new: a lane that was pausing after failures may try it at once. */
  #onDue(lanes: readonly Lane[]): void {
    for (const lane of lanes) {
      const state = this.#lanes.get(lane);
      if (state === undefined) this.#lanes.set(lane, newLane(0));
      else Object.assign(state, { dueMs: 0, pausedUntilMs: 0 });
    }
    this.lookSoon();
  }

  #look(): void {
    const nowMs = this.#parts.clock.nowMs();
    let nextMs = Infinity;
    for (const [lane, state] of this.#lanes) {
      if (state.isBusy) continue;
      const readyMs = Math.max(state.dueMs, state.pausedUntilMs);
      if (readyMs > nowMs) nextMs = Math.min(nextMs, readyMs);
      else if (this.#inFlight.size < IN_FLIGHT_MAX) this.#begin(lane, state);
    }
    clearTimeout(this.#timer);
    if (nextMs === Infinity) return;
    const waitMs = Math.min(nextMs - nowMs, LOOK_AGAIN_MS);
    this.#timer = setTimeout(() => this.lookSoon(), waitMs);
    this.#timer.unref();
  }

  #begin(lane: Lane, state: LaneState): void {
    state.isBusy = true;
    // To the end, so that with more lanes than may be in flight each has its turn.
    this.#lanes.delete(lane);
    this.#lanes.set(lane, state);
    const done = this.#next(lane, state)
      .catch((error: unknown) => {
        logError('A delivery could not be read or its outcome kept; trying again.', error);
        state.pausedUntilMs = this.#parts.clock.nowMs() + LOOK_AGAIN_MS;
      })
      .finally(() => {
        state.isBusy = false;
        this.#inFlight.delete(done);
        this.lookSoon();
      });
    this.#inFlight.add(done);
  }

  /** Delivers what is first in the lane, and learns what comes after it. */
  async #next(lane: Lane, state: LaneState): Promise<void> {
    const { deliveries, clock } = this.#parts;
    const due = deliveries.findDue(lane, clock.nowMs());
    if (due !== undefined) {
      if (due.destination.status === 'disabled') await this.#outcomes.keep(giveUp(due));
      else await this.#deliver(due, state);
    }
    if (this.#isClosing) return;
    const dueMs = deliveries.dueMs(lane);
    if (dueMs === undefined) this.#lanes.delete(lane);
    else state.dueMs = dueMs;
  }

  async #deliver(due: Due, state: LaneState): Promise<void> {
    const { sender, clock } = this.#parts;
    const { destination, event } = due;
    const startedMs = clock.nowMs();
    const body = deliveryBody(event, destination.apiVersion);
    const secrets = secretsAt(destination, startedMs);
    const signature = signatureHeader(secrets, toSeconds(startedMs), body);
    const sent = await sender.post(destination.url, body, signature);
    if (this.#isAbandoned) return;
    const nowMs = clock.nowMs();
    const outcome = outcomeOf(due, { startedMs, ...sent }, nowMs, this.#random());
    await this.#outcomes.keep(outcome);
    state.failures = outcome.state === 'succeeded' ? 0 : state.failures + 1;
    state.pausedUntilMs = nowMs + pauseMs(state.failures);
    if (isToBeDisabled(outcome.failingSinceMs, nowMs)) await this.#disable(due, nowMs);
  }

  async #disable({ destination }: Due, nowMs: number): Promise<void> {
    const { namespace, id } = destination;
    await this.#parts.destinations.change(
      namespace,
      id,
      (current) => disable(current, 'failures', nowMs),
      undefined,
      (after) => [toDisabledEvent(after, newCoreEventId(modeOf(namespace)), nowMs)],
    );
    logWarning(`Destination ${id} is disabled: its deliveries have been failing for three days.`);
  }
}

function newLane(dueMs: number): LaneState {
  return { dueMs, isBusy: false, failures: 0, pausedUntilMs: 0 };
}
