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
  const { from, isNewer } = placeOf(query, toOrdinal);
  const { limit } = query;
  const rows = isNewer ? sides.newer(from, limit + 1) : sides.older(from, limit + 1);
  const data = rows.slice(0, limit);
  return { data: isNewer ? data.reverse() : data, hasMore: rows.length > limit };
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
