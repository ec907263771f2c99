import type { Page, PageQuery } from '../catalog.ts';

/** The rows of a list on either side of an ordinal, the nearest first. */
export type Sides<T> = {
  older(ordinal: number, limit: number): readonly T[];
  newer(ordinal: number, limit: number): readonly T[];
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
export function readPage<T>(
  query: PageQuery,
  toOrdinal: (id: string, param: CursorParam) => number,
  sides: Sides<T>,
): Page<T> {
  const { limit, startingAfter, endingBefore } = query;
  if (endingBefore !== undefined) {
    const rows = sides.newer(toOrdinal(endingBefore, 'ending_before'), limit + 1);
    return { data: rows.slice(0, limit).reverse(), hasMore: rows.length > limit };
  }
  const place = startingAfter === undefined ? NEWEST : toOrdinal(startingAfter, 'starting_after');
  const rows = sides.older(place, limit + 1);
  return { data: rows.slice(0, limit), hasMore: rows.length > limit };
}
