/** Reads of many customers, in slices: lists and searches. */
import { neededTerms, toMatcher } from '../../domain/customers/search.ts';
import { ApiError } from '../../domain/errors.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Customers } from '../catalog.ts';
import {
  fromRow,
  type CustomerStatements,
  type PlacedRow,
  type SearchedRow,
} from './customer-rows.ts';
import { NEWEST, PageRows } from './page.ts';
import type { Slices } from './slices.ts';
import { toMetadata, type TermIndex } from './terms.ts';

export function customerReads(
  sql: CustomerStatements,
  terms: TermIndex,
  slices: Slices,
): Pick<Customers, 'list' | 'search'> {
  const list: Customers['list'] = async (namespace, page, filter = {}) => {
    const { limit, startingAfter, endingBefore, caller } = page;
    const { email, createdS } = filter;
    const clock = filter.testClock ?? null;
    const towardsNewer = endingBefore !== undefined;
    const place = towardsNewer
      ? ordinalOf(sql, namespace, endingBefore, 'ending_before')
      : ordinalOf(sql, namespace, startingAfter, 'starting_after');
    const rows = (from: number): IterableIterator<PlacedRow> => {
      if (email === undefined) {
        return (towardsNewer ? sql.newer : sql.older).iterate(namespace, clock, from);
      }
      const ofEmail = towardsNewer ? sql.newerOfEmail : sql.olderOfEmail;
      return ofEmail.iterate(namespace, email, clock, from);
    };
    const found = new PageRows<PlacedRow>(limit);
    await slices.walk({ namespace, place, caller }, rows, (row) => {
      const isWanted =
        createdS === undefined || (row.createdS >= createdS.from && row.createdS < createdS.to);
      return !isWanted || found.add(row);
    });
    const { data, hasMore } = found.toPage(towardsNewer);
    return { data: data.map(fromRow), hasMore };
  };

  const search: Customers['search'] = async (namespace, query, page) => {
    const { limit, after, countsAll, caller } = page;
    const term = terms.rarest(namespace, neededTerms(query));
    const rows = (from: number): IterableIterator<SearchedRow> =>
      term === undefined
        ? sql.searched.iterate(namespace, from)
        : sql.searchedOfTerm.iterate(namespace, term.field, term.term, from);
    const place = ordinalOf(sql, namespace, after, 'page');
    const matches = toMatcher(query);
    const found = new PageRows<PlacedRow>(limit);
    let total = 0;
    const walk = { namespace, place: countsAll ? NEWEST : place, caller };
    await slices.walk(walk, rows, (row) => {
      if (!matches(new Searched(row))) return true;
      total += 1;
      if (row.ordinal < place && !found.hasMore) found.add(sql.at.get(row.ordinal)!);
      return countsAll || !found.hasMore;
    });
    return {
      data: found.rows.map(fromRow),
      hasMore: found.hasMore,
      total: countsAll ? total : undefined,
    };
  };

  return { list, search };
}

/** Metadata is read only where a query asks for it. */
class Searched {
  readonly #row: SearchedRow;

  constructor(row: SearchedRow) {
    this.#row = row;
  }
  get createdS(): number {
    return this.#row.createdS;
  }
  get email(): string | null {
    return this.#row.email;
  }
  get name(): string | null {
    return this.#row.name;
  }
  get phone(): string | null {
    return this.#row.phone;
  }
  get metadata(): ReadonlyMap<string, string> {
    return toMetadata(this.#row.metadata);
  }
}

/** The place of a cursor, which a deleted customer is too; without one, before the newest. */
function ordinalOf(
  sql: CustomerStatements,
  namespace: Namespace,
  id: string | undefined,
  param: string,
): number {
  if (id === undefined) return NEWEST;
  const row = sql.find.get(namespace, id);
  if (row !== undefined) return row.ordinal;
  throw new ApiError('resource_missing_in_body', `No such customer: '${id}'`, param);
}
