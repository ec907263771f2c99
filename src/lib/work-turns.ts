/**
 * Work on the serving thread that takes some tenths of a millisecond and comes in heaps, such as the requests of a stream: of
 * each heap a slice is done, then whoever else has sent something is served. Accounts take turns, so that one with many
 * requests costs another the wait for one slice.
 */

/**
 * Some ten requests of a hundred events. Longer ones make others wait, shorter ones make a loop's turn and a commit for little
 * work.
 */
const SLICE_MS = 4;

export class WorkTurns {
  /** What waits, by account; the account whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** When the slice of this turn of the event loop began; undefined when nothing was done in it. */
  #sliceStartMs: number | undefined;

  /**
   * Runs `work`, at once or when it is the account's turn: always all of it in one turn of the event loop. Rejects with what it
   * throws.
   */
  run<T>(account: string, work: () => T): Promise<T> | T {
    if (this.#waiting.size === 0 && !this.#isOver) {
      this.#begin();
      return work();
    }
    return new Promise((resolve, reject) => {
      const task = (): void => {
        try {
          resolve(work());
        } catch (error) {
          reject(error as Error);
        }
      };
      const ofAccount = this.#waiting.get(account);
      if (ofAccount === undefined) this.#waiting.set(account, [task]);
      else ofAccount.push(task);
    });
  }

  get #isOver(): boolean {
    return this.#sliceStartMs !== undefined && performance.now() - this.#sliceStartMs >= SLICE_MS;
  }

  #begin(): void {
    if (this.#sliceStartMs !== undefined) return;
    this.#sliceStartMs = performance.now();
    setImmediate(() => this.#goOn());
  }

  /** In the next turn of the loop, after what the sockets had. */
  #goOn(): void {
    this.#sliceStartMs = undefined;
    if (this.#waiting.size === 0) return;
    this.#begin();
    while (this.#waiting.size > 0 && !this.#isOver) this.#next()();
  }

  #next(): () => void {
    const [[account, tasks] = ['', []]] = this.#waiting;
    const task = tasks.shift()!;
    this.#waiting.delete(account);
    if (tasks.length > 0) this.#waiting.set(account, tasks);
    return task;
  }
}
