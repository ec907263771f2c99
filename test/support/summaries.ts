/** Reads summaries with every digit: `aggregated_value` is kept as the text that was on the wire. */
import assert from 'node:assert/strict';
import type { Agent } from 'node:http';
import { call, toForm } from './http.ts';

export type SummaryRow = {
  readonly id: string;
  readonly object: string;
  /** The digits, exactly as sent. */
  readonly aggregated_value: string;
  readonly start_time: number;
  readonly end_time: number;
  readonly livemode: boolean;
  readonly meter: string;
};
export type SummaryPage = {
  readonly object: string;
  readonly url: string;
  readonly has_more: boolean;
  readonly data: readonly SummaryRow[];
};
export type SummaryQuery = {
  readonly meter: string;
  readonly customer: string;
  readonly start_time: number;
  readonly end_time: number;
  readonly value_grouping_window?: 'hour' | 'day';
  readonly limit?: number;
  readonly starting_after?: string;
  readonly key?: string;
  readonly agent?: Agent;
};

type Reviver = (
  this: unknown,
  name: string,
  value: unknown,
  context: { source?: string },
) => unknown;
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown;

/** JSON with each `aggregated_value` as its source text; refuses one that is not a plain JSON number. */
export function parseExact(text: string): unknown {
  return parseWithSource(text, (name, value, { source }) => {
    if (name !== 'aggregated_value') return value;
    assert.equal(typeof value, 'number', 'aggregated_value is a JSON number');
    assert.match(source ?? '', /^-?\d+(?:\.\d+)?$/u, 'with plain digits');
    return source;
  });
}

export async function summaryPage(
  origin: { readonly url: string },
  query: SummaryQuery,
): Promise<SummaryPage> {
  const { meter, key, agent, ...fields } = query;
  const answer = await call(origin, {
    path: `/v1/billing/meters/${meter}/event_summaries?${toForm(fields)}`,
    ...(key === undefined ? {} : { key }),
    ...(agent === undefined ? {} : { agent }),
  });
  assert.equal(answer.status, 200, answer.text);
  return parseExact(answer.text) as SummaryPage;
}

/** Every row of a query, over all its pages, newest first. */
export async function allSummaries(
  origin: { readonly url: string },
  query: SummaryQuery,
): Promise<readonly SummaryRow[]> {
  const rows: SummaryRow[] = [];
  for (;;) {
    const last = rows.at(-1)?.id;
    const cursor = last === undefined ? {} : { starting_after: last };
    const page = await summaryPage(origin, { limit: 100, ...query, ...cursor });
    rows.push(...page.data);
    if (!page.has_more) return rows;
    assert.notEqual(page.data.length, 0, 'a page with more behind it is not empty');
  }
}

/** The digits of the one summary of a range; '0' when there is none. */
export async function total(
  origin: { readonly url: string },
  query: SummaryQuery,
): Promise<string> {
  const { data, has_more } = await summaryPage(origin, query);
  assert.equal(has_more, false);
  assert.ok(data.length <= 1, 'without a window there is one summary at most');
  return data[0]?.aggregated_value ?? '0';
}
