import type { PageQuery } from '../../catalog/catalog.ts';
import { fitPage } from '../read/page-bytes.ts';

/** A page of these rows, or of as many of them as a page may hold. */
export function presentList(
  url: string,
  query: Pick<PageQuery, 'endingBefore'>,
  shown: readonly object[],
  mayContinue: boolean,
): object {
  const { rows, hasMore } = fitPage(query, shown, mayContinue);
  return { object: 'list', data: rows, has_more: hasMore, url };
}
