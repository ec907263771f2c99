import type { Catalog, PageQuery } from '../../catalog/catalog.ts';
import { ApiError } from '../../domain/errors.ts';
import type { Meter } from '../../domain/meter.ts';
import type { GroupingWindow } from '../../domain/windows.ts';
import type { SummaryQuery, SummaryRow } from '../../usage/usage-store.ts';
import type { UsageReader } from '../../usage/usage-reader.ts';
import type { Route } from '../route.ts';
import type { Form } from '../read/form.ts';
import { PAGE_SHAPE, parsePage } from '../read/pagination.ts';
import {
  oneOf,
  refuseExpand,
  refuseUnknown,
  requiredInteger,
  requiredText,
  TIME_S_BOUNDS,
  type Shape,
} from '../read/params.ts';
import { presentList } from '../present/list.ts';
import { presentMeterEventSummary } from './present-summary.ts';
import { getMeter } from '../meters/get-meter.ts';
import { parseSummaryId, toSummaryId, type SummaryName } from './summary-id.ts';

export type SummaryParts = Pick<Catalog, 'meters'> & {
  readonly usage: Pick<UsageReader, 'summarize'>;
};

/** GET /v1/billing/meters/{id}/event_summaries: newest window first, windows without usage left out. */
export function listMeterEventSummaries({ meters, usage }: SummaryParts): Route {
  return {
    method: 'GET',
    path: '/v1/billing/meters/:id/event_summaries',
    scope: 'usage.read',
    handle: async (request) => {
      const range = parseRange(request.form);
      const meter = await getMeter(meters, request);
      const asked = parsePage(request.form);
      const page = toPage(meter, range, asked);
      const rows =
        page.startS < page.endS ? await usage.summarize(toQuery(meter, range, page)) : [];
      const inPage = rows.slice(0, page.limit);
      if (page.order === 'oldest_first') inPage.reverse();
      return presentList(
        `/v1/billing/meters/${meter.id}/event_summaries`,
        asked,
        inPage.map((row) => presentRow(meter, range, row)),
        rows.length > page.limit,
      );
    },
  };
}

type Range = {
  readonly customer: string;
  readonly startS: number;
  readonly endS: number;
  readonly grouping: GroupingWindow | null;
};
/** The part of the range that this page may show, and from which end it is filled. */
type SummaryPage = {
  readonly startS: number;
  readonly endS: number;
  readonly limit: number;
  readonly order: SummaryQuery['order'];
};

const SHAPE: Shape = {
  ...PAGE_SHAPE,
  customer: true,
  start_time: true,
  end_time: true,
  value_grouping_window: true,
};
/** What times have to be a multiple of, in seconds, in UTC (Stripe's OpenAPI: event_summaries). */
const ALIGNMENT_S = { minute: 60, hour: 3600, day: 86_400 } as const;

function parseRange(form: Form): Range {
  refuseUnknown(form, SHAPE);
  refuseExpand(form);
  const customer = requiredText(form, 'customer', 100);
  const startS = requiredInteger(form, 'start_time', TIME_S_BOUNDS);
  const endS = requiredInteger(form, 'end_time', TIME_S_BOUNDS);
  const grouping = oneOf(form, 'value_grouping_window', ['day', 'hour'] as const) ?? null;
  refuseMisaligned('start_time', startS, grouping);
  refuseMisaligned('end_time', endS, grouping);
  if (startS >= endS) {
    throw new ApiError(
      'parameter_invalid',
      `Invalid end_time: it must be after start_time (${startS}), and is ${endS}.`,
      'end_time',
    );
  }
  return { customer, startS, endS, grouping };
}

function refuseMisaligned(param: string, timeS: number, grouping: GroupingWindow | null): void {
  const unit = grouping ?? 'minute';
  const lengthS = ALIGNMENT_S[unit];
  const beforeS = timeS - (timeS % lengthS);
  if (timeS === beforeS) return;
  throw new ApiError(
    'parameter_invalid',
    `Invalid ${param}: it must be aligned with ${unit} boundaries in UTC (a multiple of ${lengthS} seconds), and is ` +
      `${timeS}. The nearest are ${beforeS} and ${beforeS + lengthS}.`,
    param,
  );
}

function toPage(
  meter: Meter,
  range: Range,
  { limit, startingAfter, endingBefore }: PageQuery,
): SummaryPage {
  if (endingBefore !== undefined) {
    const { endTimeS } = cursor(meter, range, 'ending_before', endingBefore);
    const startS = Math.max(range.startS, endTimeS);
    return { startS, endS: range.endS, limit, order: 'oldest_first' };
  }
  const endS =
    startingAfter === undefined
      ? range.endS
      : Math.min(range.endS, cursor(meter, range, 'starting_after', startingAfter).startTimeS);
  return { startS: range.startS, endS, limit, order: 'newest_first' };
}

/**
 * A cursor is the id of a summary that this query could have shown: of this meter and customer, and of a
 * window of this kind; ungrouped, of this very range.
 */
function cursor(meter: Meter, range: Range, param: string, id: string) {
  const name = parseSummaryId(meter.namespace, id);
  const fits =
    name !== undefined &&
    name.meterId === meter.id &&
    name.customer === range.customer &&
    isWindowOf(range, name);
  if (fits) return name;
  throw new ApiError(
    'resource_missing_in_body',
    `No such billing meter event summary: '${id}'`,
    param,
  );
}

function isWindowOf({ grouping, startS, endS }: Range, name: SummaryName): boolean {
  if (grouping === null) return name.startTimeS === startS && name.endTimeS === endS;
  const lengthS = ALIGNMENT_S[grouping];
  return name.startTimeS % lengthS === 0 && name.endTimeS === name.startTimeS + lengthS;
}

function toQuery(meter: Meter, range: Range, page: SummaryPage): SummaryQuery {
  return {
    namespace: meter.namespace,
    meterId: meter.id,
    customer: range.customer,
    formula: meter.formula,
    eventTimeWindow: meter.eventTimeWindow,
    groupingWindow: range.grouping,
    startMs: page.startS * 1000,
    endMs: page.endS * 1000,
    order: page.order,
    // One more than shown tells whether there are more.
    limit: page.limit + 1,
  };
}

function presentRow(meter: Meter, range: Range, row: SummaryRow): object {
  const startTimeS = range.grouping === null ? range.startS : row.startMs / 1000;
  const endTimeS = range.grouping === null ? range.endS : startTimeS + ALIGNMENT_S[range.grouping];
  const name = { meterId: meter.id, customer: range.customer, startTimeS, endTimeS };
  const id = toSummaryId(meter.namespace, name);
  return presentMeterEventSummary({ id, namespace: meter.namespace, value: row.value, ...name });
}
