/**
 * Requests that came before the server was ready. They wait until it is, so that a restart is no more than a pause to a
 * client: a refusal would not be, since stripe-go takes every well-formed error for final (v85: `Error.canRetry`).
 *
 * Held before its body is read, a request costs its headers and what fits into the buffers of its socket. In number,
 * bytes and time they are bounded (P10).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ApiError } from '../domain/errors.ts';
import type { HttpCall } from './http-call.ts';

export type HoldLimits = {
  readonly requestsMax: number;
  readonly bytesMax: number;
  readonly timeoutMs: number;
};

const HOLD_LIMITS: HoldLimits = {
  // One of each connection that there may be by default.
  requestsMax: 10_000,
  bytesMax: 128 * 1024 * 1024,
  // Less than SDKs (80 s) and proxies (30 to 60 s) wait for an answer, and than a body may take to arrive.
  timeoutMs: 20_000,
};

/** So many go on in one turn of the event loop, that the rest of the server is not kept waiting. */
const LET_IN_AT_ONCE = 100;

type Held = {
  readonly bytes: number;
  readonly timer: NodeJS.Timeout;
  readonly goOn: () => void;
  readonly fail: (error: Error) => void;
};

export class HeldRequests {
  readonly #limits: HoldLimits;
  readonly #held = new Set<Held>();
  #bytes = 0;

  constructor(limits: Partial<HoldLimits> = {}) {
    this.#limits = { ...HOLD_LIMITS, ...limits };
  }

  get size(): number {
    return this.#held.size;
  }

  /**
   * Resolves when the request may go on. Rejects with ApiError `unavailable` and this message when there is no room for
   * it, when it has waited for too long, or after `refuse`; with an Error when its client has gone.
   */
  async hold(call: Pick<HttpCall, 'heldBytes' | 'onceOut'>, message: string): Promise<void> {
    const { requestsMax, bytesMax, timeoutMs } = this.#limits;
    const bytes = call.heldBytes;
    if (this.#held.size >= requestsMax || this.#bytes + bytes > bytesMax)
      throw unavailable(message);
    await new Promise<void>((goOn, fail) => {
      const timer = setTimeout(() => this.#end(held)?.fail(unavailable(message)), timeoutMs);
      const held: Held = { bytes, timer, goOn, fail };
      this.#held.add(held);
      this.#bytes += bytes;
      // A retry may have come meanwhile, and is not to find its key in use.
      call.onceOut(() => this.#end(held)?.fail(new Error('The client went away.')));
    });
  }

  /** Lets all of them go on, in the order in which they came. */
  async letIn(): Promise<void> {
    let count = 0;
    for (const held of this.#held) {
      this.#end(held)?.goOn();
      if (++count % LET_IN_AT_ONCE === 0) await nextTurn();
    }
  }

  /** Refuses all of them. */
  refuse(message: string): void {
    for (const held of this.#held) this.#end(held)?.fail(unavailable(message));
  }

  /** Undefined when it waits no more. */
  #end(held: Held): Held | undefined {
    if (!this.#held.delete(held)) return undefined;
    clearTimeout(held.timer);
    this.#bytes -= held.bytes;
    return held;
  }
}

export function unavailable(message: string): ApiError {
  return new ApiError('unavailable', message);
}
