/**
 * Pages of a list whose filter no index answers. Rows are looked at in slices, and others have their turn in between. A
 * page ends after so many rows even if it is not full, as long as it has something to go on from; of each namespace one
 * long walk goes on at a time, the others wait for it.
 */
import type { Namespace } from '../../domain/namespace.ts';
import type { Page, PageQuery } from '../catalog.ts';
import { type CursorParam, placeOf } from './page.ts';
import type { Slices } from './slices.ts';

export type WalkSizes = {
  /** Most pages are full after these. */
  readonly firstRows: number;
  /** Some 2 ms. */
  readonly sliceRows: number;
  /** Some 100 ms. */
  readonly rowsMax: number;
};
const SIZES: WalkSizes = { firstRows: 250, sliceRows: 2000, rowsMax: 100_000 };

/** The rows on one side of a place, from there on. */
export type WalkSide<T> = {
  /** The place after so many rows; undefined when there are fewer. */
  edge(from: number, rows: number): number | undefined;
  /** What the filter lets through after `from`, up to and with `edge` (or the end), the nearest first. */
  match(from: number, edge: number | undefined, limit: number): readonly T[];
};

export class Walks {
  readonly #slices: Pick<Slices, 'turn'>;
  readonly #sizes: WalkSizes;
  readonly #walking = new Map<Namespace, Promise<unknown>>();

  constructor(slices: Pick<Slices, 'turn'>, sizes = SIZES) {
    this.#slices = slices;
    this.#sizes = sizes;
  }

  /** As `readPage` in page.ts. */
  async page<T>(
    namespace: Namespace,
    query: PageQuery,
    toOrdinal: (id: string, param: CursorParam) => number,
    sides: { readonly older: WalkSide<T>; readonly newer: WalkSide<T> },
  ): Promise<Page<T>> {
    const { from, isNewer } = placeOf(query, toOrdinal);
    const side = isNewer ? sides.newer : sides.older;
    const { data, hasMore } = await this.#walk(namespace, side, from, query.limit);
    return { data: isNewer ? data.toReversed() : data, hasMore };
  }

  async #walk<T>(
    namespace: Namespace,
    side: WalkSide<T>,
    from: number,
    limit: number,
  ): Promise<Page<T>> {
    const edge = side.edge(from, this.#sizes.firstRows);
    const rows = [...side.match(from, edge, limit + 1)];
    if (edge === undefined || rows.length > limit) {
      return { data: rows.slice(0, limit), hasMore: rows.length > limit };
    }
    return await this.#oneAtATime(
      namespace,
      async () => await this.#walkOn(namespace, side, { from: edge, limit, rows }),
    );
  }

  async #oneAtATime<T>(namespace: Namespace, run: () => Promise<T>): Promise<T> {
    const before = this.#walking.get(namespace) ?? Promise.resolve();
    const mine = before.then(run);
    // Who waits does not care how the one before ended.
    const done = mine.catch(() => undefined);
    this.#walking.set(namespace, done);
    try {
      return await mine;
    } finally {
      if (this.#walking.get(namespace) === done) this.#walking.delete(namespace);
    }
  }

  async #walkOn<T>(
    namespace: Namespace,
    side: WalkSide<T>,
    begun: { readonly from: number; readonly limit: number; readonly rows: T[] },
  ): Promise<Page<T>> {
    const { sliceRows, rowsMax } = this.#sizes;
    const { limit, rows } = begun;
    let { from } = begun;
    for (let looked = 0; ; looked += sliceRows) {
      if (rows.length > 0 && looked >= rowsMax) return { data: rows, hasMore: true };
      await this.#slices.turn(namespace);
      const edge = side.edge(from, sliceRows);
      rows.push(...side.match(from, edge, limit + 1 - rows.length));
      if (edge === undefined || rows.length > limit) {
        return { data: rows.slice(0, limit), hasMore: rows.length > limit };
      }
      from = edge;
    }
  }
}
