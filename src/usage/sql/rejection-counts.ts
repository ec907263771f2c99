import type { Namespace } from '../../domain/namespace.ts';
import type {
  RejectionCount,
  RejectionCountsQuery,
  RejectionRangeQuery,
} from '../rejection-counts.ts';
import type { Statement } from './statement.ts';

export type RejectionCountRow = [
  namespace: Namespace,
  meterId: string,
  code: string,
  count: string,
  firstMs: string,
  lastMs: string,
  samples: [sequence: string, message: string, identifier: string][],
];

/** Rows of RejectionCountRow. */
export function rejectionCountsSql(query: RejectionCountsQuery): Statement {
  const { afterSequence: after, upToSequence: upTo, samplesMax } = query;
  return {
    sql: `
      SELECT
        namespace,
        meter,
        code,
        toString(count()),
        toString(toUnixTimestamp64Milli(min(received_at))),
        toString(toUnixTimestamp64Milli(max(received_at))),
        groupArraySorted(${samplesMax})((sequence, message, identifier))
      FROM rejections
      WHERE sequence > {after:Integer} AND sequence <= {upTo:Integer}
      GROUP BY namespace, meter, code
      ORDER BY namespace, meter, code`,
    params: { after, upTo },
  };
}

/** A row with the sequence of the first rejection of the first meter that is one too many; none when none is. */
export function rejectionsThroughSql(query: RejectionRangeQuery): Statement {
  const { afterSequence: after, upToSequence: upTo, metersMax } = query;
  return {
    sql: `
      SELECT toString(min(sequence) AS first)
      FROM rejections
      WHERE sequence > {after:Integer} AND sequence <= {upTo:Integer}
      GROUP BY namespace, meter
      ORDER BY first
      LIMIT 1 OFFSET {metersMax:Integer}`,
    params: { after, upTo, metersMax },
  };
}

export function toRejectionCount(row: RejectionCountRow): RejectionCount {
  const [namespace, meterId, code, count, firstMs, lastMs, samples] = row;
  return {
    namespace,
    meterId,
    code,
    count: Number(count),
    firstMs: Number(firstMs),
    lastMs: Number(lastMs),
    samples: samples.map(([, message, identifier]) => ({ message, identifier })),
  };
}
