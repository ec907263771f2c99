import type { PageQuery } from '../../catalog/catalog.ts';

/**
 * How many bytes the rows of a page take as JSON, but for a first row that is longer. A hundred ordinary rows take 30 to 100
 * KB; a hundred of the longest that there can be would take 15 MB, of every answer that a client does not fetch.
 */
export const PAGE_BYTES_MAX = 1024 * 1024;

export type Fitted<T> = { readonly rows: readonly T[]; readonly hasMore: boolean };

/**
 * The rows that a page has room for, beginning with the one next to its cursor: one at least, if there are any. What is left
 * out is on the next page.
 */
export function fitPage<T>(
  { endingBefore }: Pick<PageQuery, 'endingBefore'>,
  rows: readonly T[],
  hasMore: boolean,
  bytesMax = PAGE_BYTES_MAX,
): Fitted<T> {
  const isBackwards = endingBefore !== undefined;
  let bytes = 0;
  for (let count = 0; count < rows.length; count += 1) {
    bytes += Buffer.byteLength(JSON.stringify(rows.at(isBackwards ? -1 - count : count)));
    if (bytes > bytesMax && count > 0) {
      const fitting = isBackwards ? rows.slice(-count) : rows.slice(0, count);
      return { rows: fitting, hasMore: true };
    }
  }
  return { rows, hasMore };
}
