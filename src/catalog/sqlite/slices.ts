/**
 * Long reads in short slices, so that the serving thread is not away for long: one slice at a time, of all reads
 * together, and a turn of the event loop after each.
 */
import { setImmediate } from 'node:timers/promises';
import { ApiError } from '../../errors.ts';
import type { Sql } from './writer.ts';

/** Half of what a request may be held up by it. */
const SLICE_MS = 5;

export class Slices {
  readonly #db: Pick<Sql, 'open'>;
  readonly #nowMs: () => number;
  #last: Promise<void> = Promise.resolve();

  constructor(db: Pick<Sql, 'open'>, nowMs = (): number => performance.now()) {
    this.#db = db;
    this.#nowMs = nowMs;
  }

  /**
   * Shows `see` each row from `rows(place)` on, until it answers false or there are no more. `rows` gives those beyond a
   * place, the nearest first. A row is as it is when it is seen; what comes behind the place meanwhile is not.
   */
  async walk<Row extends { readonly ordinal: number }>(
    place: number,
    rows: (place: number) => IterableIterator<Row>,
    see: (row: Row) => boolean,
  ): Promise<void> {
    for (let next: number | undefined = place; next !== undefined;) {
      await this.turn();
      next = this.#slice(rows(next), see);
    }
  }

  /** To be awaited before a slice, of some ms, and as often by whoever makes its own. Throws when the catalog is closed. */
  async turn(): Promise<void> {
    this.#last = this.#last.then(async () => await setImmediate());
    await this.#last;
    if (!this.#db.open) throw new ApiError('unavailable', 'Taximeter is stopping. Try again.');
  }

  /** Where to go on from; undefined when all was seen that is to be seen. */
  #slice<Row extends { readonly ordinal: number }>(
    rows: IterableIterator<Row>,
    see: (row: Row) => boolean,
  ): number | undefined {
    const endMs = this.#nowMs() + SLICE_MS;
    for (const row of rows) {
      if (!see(row)) return undefined;
      if (this.#nowMs() >= endMs) return row.ordinal;
    }
    return undefined;
  }
}
