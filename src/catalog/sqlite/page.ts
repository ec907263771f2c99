import { PAGE_BYTES_MAX, type Page, type PageQuery } from '../catalog.ts';

/** So many rows of a list on either side of an ordinal, the nearest first, each read when it is asked for. */
export type Sides<T> = {
  older(ordinal: number, limit: number): Iterable<T>;
  newer(ordinal: number, limit: number): Iterable<T>;
};

export type CursorParam = 'starting_after' | 'ending_before';

/** Above every ordinal: SQLite counts them up from 1. */
export const NEWEST = Number.MAX_SAFE_INTEGER;

/**
 * The page that `query` asks for. `toOrdinal` gives the place of a cursor in the order of creation,
 * or throws the refusal that names its parameter; the row there need not be in the list itself.
 *
 * Reads one row more than the page takes, to know whether there are more.
 */
export function readPage<T extends object>(
  query: PageQuery,
  toOrdinal: (id: string, param: CursorParam) => number,
  sides: Sides<T>,
): Page<T> {
  const { from, isNewer } = placeOf(query, toOrdinal);
  const page = new PageRows<T>(query.limit);
  const rowsMax = query.limit + 1;
  for (const row of isNewer ? sides.newer(from, rowsMax) : sides.older(from, rowsMax)) {
    if (!page.add(row)) break;
  }
  return page.toPage(isNewer);
}

/** The rows of a page as they are found, the nearest to the cursor first. */
export class PageRows<T extends object> {
  readonly limit: number;
  readonly rows: T[] = [];
  #bytes = 0;
  #hasMore = false;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Whether there is a row that the page has no room for. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** False when there is no room for the row, nor for any that comes after it. */
  add(row: T): boolean {
    if (this.rows.length >= this.limit || this.#bytes >= PAGE_BYTES_MAX) this.#hasMore = true;
    if (this.#hasMore) return false;
    this.rows.push(row);
    this.#bytes += textBytes(row);
    return true;
  }

  /** Ends it where it is: what comes after it is not looked at. */
  end(): void {
    this.#hasMore = true;
  }

  toPage(isNewer: boolean): Page<T> {
    return { data: isNewer ? this.rows.toReversed() : this.rows, hasMore: this.#hasMore };
  }
}

/** At least so many bytes are the texts of a row: a character takes one or more. */
function textBytes(row: object): number {
  let bytes = 0;
  for (const value of Object.values(row)) if (typeof value === 'string') bytes += value.length;
  return bytes;
}

/** Where a page begins, and to which side it goes from there. */
export function placeOf(
  { startingAfter, endingBefore }: PageQuery,
  toOrdinal: (id: string, param: CursorParam) => number,
): { readonly from: number; readonly isNewer: boolean } {
  if (endingBefore !== undefined) {
    return { from: toOrdinal(endingBefore, 'ending_before'), isNewer: true };
  }
  const from = startingAfter === undefined ? NEWEST : toOrdinal(startingAfter, 'starting_after');
  return { from, isNewer: false };
}
