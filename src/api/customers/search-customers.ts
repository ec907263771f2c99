import { crc32 } from 'node:zlib';
import type { Catalog } from '../../catalog/catalog.ts';
import { parseSearchQuery } from '../../domain/customers/search-query.ts';
import { ApiError } from '../../domain/errors.ts';
import type { Route } from '../route.ts';
import { TEXT_MAX } from './customer-texts.ts';
import { customerPresenter } from './customers.ts';
import type { Form } from '../read/form.ts';
import { fitPage } from '../read/page-bytes.ts';
import { integer, refuseUnknown, requiredText, text, type Shape } from '../read/params.ts';

const PATH = '/v1/customers/search';

const SHAPE: Shape = { expand: true, limit: true, page: true, query: true };
const TOTAL = 'total_count';

/** GET /v1/customers/search: newest first. At Stripe a customer is found within a minute, here at once. */
export function searchCustomers({ customers }: Pick<Catalog, 'customers'>): Route {
  return {
    method: 'GET',
    path: PATH,
    scope: 'customers.read',
    handle: async ({ form, namespace, caller }) => {
      refuseUnknown(form, SHAPE);
      const present = customerPresenter(form, 'data.', [TOTAL]);
      const sent = requiredText(form, 'query', TEXT_MAX);
      const { data, hasMore, total } = await customers.search(namespace, parseSearchQuery(sent), {
        limit: integer(form, 'limit', { min: 1, max: 100 }) ?? 10,
        after: parsePage(form, sent),
        countsAll: wantsTotal(form),
        caller,
      });
      const page = fitPage({}, data.map(present), hasMore);
      const last = data[page.rows.length - 1];
      return {
        object: 'search_result',
        data: page.rows,
        has_more: page.hasMore,
        next_page: page.hasMore && last !== undefined ? toPage(sent, last.id) : null,
        ...(total === undefined ? {} : { total_count: total }),
        url: PATH,
      };
    },
  };
}

/** A page is for the query that it was given for: the customer to go on after, and a checksum of the query. */
function toPage(query: string, id: string): string {
  return Buffer.from(`${checksum(query)}${id}`).toString('base64url');
}

function parsePage(form: Form, query: string): string | undefined {
  const page = text(form, 'page', TEXT_MAX);
  if (page === undefined) return undefined;
  const decoded = Buffer.from(page, 'base64url').toString();
  const of = checksum(query);
  if (decoded.startsWith(of) && toPage(query, decoded.slice(of.length)) === page) {
    return decoded.slice(of.length);
  }
  throw new ApiError(
    'parameter_invalid',
    'Invalid page: must be the next_page of a search with the same query.',
    'page',
  );
}

function checksum(query: string): string {
  return crc32(query).toString(16).padStart(8, '0');
}

/** Anything else in `expand` is for the presenter to judge. */
function wantsTotal(form: Form): boolean {
  const sent = form.get('expand');
  return sent instanceof Map && [...sent.values()].includes(TOTAL);
}
