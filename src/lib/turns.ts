/**
 * Work on the thread that serves, in slices: whoever loops over what is stored lets requests have their turn in between.
 * To await what is done already is no turn of the event loop: only timers and sockets that were due are, after `next`.
 */
import { setImmediate } from 'node:timers/promises';

/** How long others wait for one slice, at most, but for a single step that takes longer. */
export const SLICE_MS = 10;

export class Turns {
  #beganMs = performance.now();

  /** To be awaited between two steps: a turn of the event loop when the slice is over, else nothing. */
  async next(): Promise<void> {
    if (performance.now() - this.#beganMs < SLICE_MS) return;
    await setImmediate();
    this.#beganMs = performance.now();
  }
}

/** What `map` makes of each, in order; others have their turn meanwhile. */
export async function mapInTurns<T, R>(items: readonly T[], map: (item: T) => R): Promise<R[]> {
  const turns = new Turns();
  const mapped: R[] = [];
  for (const item of items) {
    mapped.push(map(item));
    await turns.next();
  }
  return mapped;
}
