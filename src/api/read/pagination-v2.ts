/**
 * Lists of the v2 API: `limit` and a `page`, which is not for the caller to make: the answer has the URLs of the pages
 * next to it. A URL is a path with all that was asked, as the SDKs fetch it.
 */
import type { Page, PageQuery } from '../../catalog/catalog.ts';
import { ApiError } from '../../domain/errors.ts';
import type { Form, FormValue } from './form.ts';
import { fitPage } from './page-bytes.ts';
import { integer, text, type Shape } from './params.ts';

export const PAGE_V2_SHAPE = { limit: true, page: true } as const satisfies Shape;

const TOKEN_LENGTH_MAX = 200;
const TOKEN = /^(?<side>after|before)_(?<id>\w+)$/u;

/** `limit` 1 to 100, 10 when left out. */
export function parsePageV2(form: Form): PageQuery {
  const limit = integer(form, 'limit', { min: 1, max: 100 }) ?? 10;
  const token = text(form, 'page', TOKEN_LENGTH_MAX);
  if (token === undefined) return { limit };
  const { side, id } = TOKEN.exec(token)?.groups ?? {};
  if (side === 'after') return { limit, startingAfter: id };
  if (side === 'before') return { limit, endingBefore: id };
  throw new ApiError('parameter_invalid', 'Invalid page: must be as a list gave it.', 'page');
}

/** The `page` next to a row, towards the older ones or the newer. */
export function pageToken(side: 'after' | 'before', id: string): string {
  return `${side}_${id}`;
}

export function presentListV2<T extends { readonly id: string }>(
  path: string,
  form: Form,
  query: PageQuery,
  found: Page<T>,
  present: (row: T) => object,
): object {
  const { rows, hasMore } = fitPage(query, found.data.map(present), found.hasMore);
  const shown =
    query.endingBefore === undefined
      ? found.data.slice(0, rows.length)
      : found.data.slice(-rows.length);
  // On the side that a cursor came from there is at least the row that it names.
  const hasNext = query.endingBefore === undefined ? hasMore : rows.length > 0;
  const hasPrevious =
    query.endingBefore === undefined ? query.startingAfter !== undefined : hasMore;
  const urlOf = (side: 'after' | 'before', row: T | undefined): string | null =>
    row === undefined ? null : `${path}?${toQuery(form, pageToken(side, row.id))}`;
  return {
    data: rows,
    next_page_url: hasNext ? urlOf('after', shown.at(-1)) : null,
    previous_page_url: hasPrevious ? urlOf('before', shown[0]) : null,
  };
}

/** What was asked, with another page. */
function toQuery(form: Form, page: string): string {
  const pairs: string[] = [];
  const put = (path: string, value: FormValue): void => {
    if (typeof value === 'string') {
      pairs.push(`${encodeURIComponent(path)}=${encodeURIComponent(value)}`);
      return;
    }
    for (const [name, inner] of value) put(`${path}[${name}]`, inner);
  };
  for (const [name, value] of form) if (name !== 'page') put(name, value);
  return [...pairs, `page=${encodeURIComponent(page)}`].join('&');
}
