/**
 * Pages of a list whose filter no index answers. Rows are looked at in slices, and others have their turn in between. A
 * page ends after so many rows even if it is not full, as long as it has something to go on from; of each namespace one
 * long walk goes on at a time, the others wait for it.
 */
import type { Namespace } from '../../domain/namespace.ts';
import type { Caller, Page, PageQuery } from '../catalog.ts';
import { Gate } from './gate.ts';
import { type CursorParam, PageRows, placeOf } from './page.ts';
import { WAITING_MAX, type Slices } from './slices.ts';

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
  match(from: number, edge: number | undefined, limit: number): Iterable<T>;
};

type Begun = {
  readonly namespace: Namespace;
  readonly caller: Caller | undefined;
  readonly from: number;
  readonly limit: number;
};

export class Walks {
  readonly #slices: Pick<Slices, 'turn'>;
  readonly #sizes: WalkSizes;
  readonly #gate = new Gate(1, WAITING_MAX);

  constructor(slices: Pick<Slices, 'turn'>, sizes = SIZES) {
    this.#slices = slices;
    this.#sizes = sizes;
  }

  /** As `readPage` in page.ts. Throws as `Slices.walk` does. */
  async page<T extends object>(
    namespace: Namespace,
    query: PageQuery,
    toOrdinal: (id: string, param: CursorParam) => number,
    sides: { readonly older: WalkSide<T>; readonly newer: WalkSide<T> },
  ): Promise<Page<T>> {
    const { from, isNewer } = placeOf(query, toOrdinal);
    const { limit, caller } = query;
    const begun = { namespace, caller, from, limit };
    const page = await this.#walk(isNewer ? sides.newer : sides.older, begun);
    return page.toPage(isNewer);
  }

  async #walk<T extends object>(side: WalkSide<T>, begun: Begun): Promise<PageRows<T>> {
    const { namespace, caller, from, limit } = begun;
    const page = new PageRows<T>(limit);
    if (look(side, from, this.#sizes.firstRows, page) === undefined) return page;
    // What was found is not held while others go on, but looked for again.
    return await this.#gate.run(
      namespace,
      caller,
      async () => await this.#walkOn(side, begun, new PageRows<T>(limit)),
    );
  }

  async #walkOn<T extends object>(
    side: WalkSide<T>,
    { namespace, caller, from }: Begun,
    page: PageRows<T>,
  ): Promise<PageRows<T>> {
    const { sliceRows, rowsMax } = this.#sizes;
    let next: number | undefined = from;
    for (let looked = 0; next !== undefined; looked += sliceRows) {
      if (page.rows.length > 0 && looked >= rowsMax) {
        page.end();
        return page;
      }
      await this.#slices.turn(namespace, caller);
      next = look(side, next, sliceRows, page);
    }
    return page;
  }
}

/** Looks at so many rows. Where to go on from; undefined when the page is full, or there are no more. */
function look<T extends object>(
  side: WalkSide<T>,
  from: number,
  rows: number,
  page: PageRows<T>,
): number | undefined {
  const edge = side.edge(from, rows);
  for (const row of side.match(from, edge, page.limit + 1)) if (!page.add(row)) return undefined;
  return edge;
}
