/** What waits its turn. */
type Waiting<T> = { readonly give: (place: T) => void };

/**
 * A few places, given in turns between accounts: each account is served in the order in which it asked, and after one of
 * its own comes one of every other that waits. One with a thousand waiting holds up another for one turn.
 */
export class Turns<T> {
  readonly #free: T[];
  readonly #places: number;
  /** How many places one account may have at once. */
  readonly #ofOne: number;
  /** Those that wait, by account; the account whose turn is next comes first. */
  readonly #waiting = new Map<string, Set<Waiting<T>>>();
  readonly #held = new Map<string, number>();
  #onIdle = (): void => undefined;

  constructor(places: readonly T[], ofOne = places.length) {
    this.#free = [...places];
    this.#places = places.length;
    this.#ofOne = ofOne;
  }

  /** A place, once it is the account's turn. Rejects with the signal's reason when that comes first. */
  async take(account: string, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiting = { give: resolve };
    const ofAccount = this.#waiting.get(account) ?? new Set();
    this.#waiting.set(account, ofAccount.add(waiting));
    const leave = (): void => {
      // Who was given a place in the meantime keeps it.
      if (!ofAccount.delete(waiting)) return;
      if (ofAccount.size === 0) this.#waiting.delete(account);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    this.#giveWhatIsFree();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  giveBack(account: string, place: T): void {
    const left = (this.#held.get(account) ?? 0) - 1;
    if (left > 0) this.#held.set(account, left);
    else this.#held.delete(account);
    this.#free.push(place);
    this.#giveWhatIsFree();
    if (this.#isIdle) this.#onIdle();
  }

  /** Resolves when all places have been given back and none is waited for. */
  async idle(): Promise<void> {
    while (!this.#isIdle) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }

  get #isIdle(): boolean {
    return this.#free.length === this.#places && this.#waiting.size === 0;
  }

  #giveWhatIsFree(): void {
    while (this.#free.length > 0) {
      const next = this.#next();
      if (next === undefined) return;
      const { account, waiting } = next;
      this.#held.set(account, (this.#held.get(account) ?? 0) + 1);
      waiting.give(this.#free.pop()!);
    }
  }

  /** Takes the next one out of the queue: of the first account that waits and may have one more place. */
  #next(): { readonly account: string; readonly waiting: Waiting<T> } | undefined {
    for (const [account, ofAccount] of this.#waiting) {
      if ((this.#held.get(account) ?? 0) >= this.#ofOne) continue;
      const [waiting] = ofAccount;
      ofAccount.delete(waiting!);
      // To the end; one that waits for nothing more is taken out.
      this.#waiting.delete(account);
      if (ofAccount.size > 0) this.#waiting.set(account, ofAccount);
      return { account, waiting: waiting! };
    }
    return undefined;
  }
}
