/**
 * A data folder of one release, as a `kill -9` left it, and what that release answers about it. Kept under `test/fixtures/`
 * for later releases to open.
 */
import { join } from 'node:path';
import { call, type Answer, type Call } from '../support/http.ts';
import { REPO, type Server } from '../support/server.ts';
import { allSummaries } from '../support/summaries.ts';

export const FIXTURES = join(REPO, 'test/fixtures');

export type Release = {
  /** When it was made: the test sets the server's clock to a little later. */
  readonly madeAtS: number;
  /** Made by `taximeter keys create`. They open nothing but this folder. */
  readonly keys: { readonly test: string; readonly live: string };
  readonly sessionToken: string;
  readonly meters: readonly { readonly id: string; readonly event_name: string }[];
  readonly events: readonly {
    readonly event_name: string;
    readonly identifier: string;
    readonly customer: string;
  }[];
  /** Cancelled, the last of them while it waited in the journal. */
  readonly cancelled: readonly { readonly event_name: string; readonly identifier: string }[];
  /** Calls with an Idempotency-Key, and their first answers. */
  readonly keyed: readonly { readonly call: Call; readonly text: string }[];
  readonly lists: readonly { readonly path: string; readonly text: string }[];
  readonly summaries: unknown;
  readonly rejections: number;
};

/** Summaries of every meter and customer, by the hour, by the day and of a ragged range. */
export async function readSummaries(
  server: Server,
  { meters, madeAtS }: Pick<Release, 'meters' | 'madeAtS'>,
  key: string,
): Promise<unknown> {
  const day = Math.floor(madeAtS / 86_400) * 86_400;
  const answers: unknown[] = [];
  for (const { id: meter } of meters) {
    for (const customer of ['cus_a', 'cus_b']) {
      const query = { meter, customer, key, start_time: day - 10 * 86_400, end_time: day };
      for (const value_grouping_window of ['hour', 'day'] as const) {
        answers.push(await allSummaries(server, { ...query, value_grouping_window }));
      }
      answers.push(await allSummaries(server, { ...query, start_time: query.start_time + 120 }));
    }
  }
  return answers;
}

/** What lists show of meters and customers. */
export async function readList(server: Server, path: string, key: string): Promise<Answer> {
  return await call(server, { path, key });
}

/** What is answered now, without the fields that objects did not have then: a later release may add some. */
export function withoutNew(now: unknown, then: unknown): unknown {
  if (Array.isArray(now) && Array.isArray(then)) {
    return now.map((item, index) => withoutNew(item, then[index]));
  }
  if (!isHash(now) || !isHash(then)) return now;
  const known = Object.entries(now).filter(([name]) => Object.hasOwn(then, name));
  return Object.fromEntries(known.map(([name, value]) => [name, withoutNew(value, then[name])]));
}

function isHash(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
