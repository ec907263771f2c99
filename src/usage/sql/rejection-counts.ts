import type { Namespace } from '../../namespace.ts';
import type { RejectionCount, RejectionCountsQuery } from '../rejection-counts.ts';
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
