/**
 * How many reads of a namespace are under way at once. The others wait for their turn and hold nothing meanwhile; one whose
 * caller is gone is left out.
 */
import { ApiError } from '../../domain/errors.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Caller } from '../catalog.ts';

type Waiting = {
  readonly caller: Caller | undefined;
  readonly enter: () => void;
  readonly leaveOut: (error: Error) => void;
};
type OfNamespace = { underWay: number; waiting: Waiting[] };

export class Gate {
  readonly #underWayMax: number;
  readonly #waitingMax: number;
  readonly #ofNamespaces = new Map<Namespace, OfNamespace>();

  constructor(underWayMax: number, waitingMax: number) {
    this.#underWayMax = underWayMax;
    this.#waitingMax = waitingMax;
  }

  /**
   * Reads when it is this one's turn. Throws ApiError `rate_limit` when too many of its namespace wait, and whatever `read`
   * throws, which holds up none after it.
   */
  async run<T>(
    namespace: Namespace,
    caller: Caller | undefined,
    read: () => Promise<T>,
  ): Promise<T> {
    const of = this.#of(namespace);
    if (of.underWay < this.#underWayMax) of.underWay += 1;
    else await this.#wait(of, caller);
    try {
      return await read();
    } finally {
      this.#leave(namespace, of);
    }
  }

  #of(namespace: Namespace): OfNamespace {
    const known = this.#ofNamespaces.get(namespace);
    if (known !== undefined) return known;
    const of = { underWay: 0, waiting: [] };
    this.#ofNamespaces.set(namespace, of);
    return of;
  }

  async #wait(of: OfNamespace, caller: Caller | undefined): Promise<void> {
    if (of.waiting.length >= this.#waitingMax) leaveOutGone(of);
    if (of.waiting.length >= this.#waitingMax) throw tooManyReads();
    await new Promise<void>((enter, leaveOut) => of.waiting.push({ caller, enter, leaveOut }));
  }

  /** The next one takes its place. */
  #leave(namespace: Namespace, of: OfNamespace): void {
    for (let next = of.waiting.shift(); next !== undefined; next = of.waiting.shift()) {
      if (next.caller?.isGone !== true) return next.enter();
      next.leaveOut(callerGone());
    }
    of.underWay -= 1;
    if (of.underWay === 0) this.#ofNamespaces.delete(namespace);
  }
}

function leaveOutGone(of: OfNamespace): void {
  const isGone = ({ caller }: Waiting): boolean => caller?.isGone === true;
  for (const waiting of of.waiting.filter(isGone)) waiting.leaveOut(callerGone());
  of.waiting = of.waiting.filter((waiting) => !isGone(waiting));
}

/** What ends a read that no one waits for any more. */
export function callerGone(): Error {
  return new Error('The client went away.');
}

function tooManyReads(): ApiError {
  return new ApiError(
    'rate_limit',
    'Too many lists and searches of this account wait for their turn. Try again a little later.',
  );
}
