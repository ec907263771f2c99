import { PAGE_BYTES_MAX, type PageQuery } from '../../catalog/catalog.ts';

export type Fitted<T> = { readonly rows: readonly T[]; readonly hasMore: boolean };

/**
 * The rows that a page has room for as JSON, where a control character takes six bytes, beginning with the one next to its
 * cursor: one at least, if there are any. What is left out is on the next page.
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
