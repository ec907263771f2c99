/**
 * One process that asks the usage store for summaries, 30 days by day, one customer drawn anew each time, while
 * something else goes on in it. For summaries.ts: prints one line of JSON.
 */
import { DAY_MS, HOUR_MS } from '../src/domain/time.ts';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type * as Chdb from 'chdb';
import type { Namespace } from '../src/domain/namespace.ts';
import type { SummaryQuery, UsageStore } from '../src/usage/usage-store.ts';
import { insertDrawnSql, insertedTotals, tellJournal } from './load-store.ts';

export type ReaderOptions = {
  /** Whose source is used, and whose chDB. */
  readonly checkout: string;
  /** As load-store.ts leaves it, and is left so. */
  readonly folder: string;
  readonly customers: number;
  readonly asks: number;
  readonly beside: 'nothing' | 'a writer' | 'look-ups';
};
export type ReaderResult = {
  readonly latenciesMs: readonly number[];
  /** Rows inserted or events looked up. */
  readonly besidePerSecond: number;
};

const WARM_UP_ASKS = 20;
/** Beside a writer, some seconds of inserts and merges have to pass. */
const PAUSE_MS = 25;
/** Rows of one insert: what the flusher gathers. */
const INSERT_ROWS = 50_000;

type Loaded = { readonly namespace: Namespace; readonly id: string; readonly lastSequence: number };

async function run({
  checkout,
  folder,
  customers,
  asks,
  beside,
}: ReaderOptions): Promise<ReaderResult> {
  const { openChdbUsageStore } = (await import(
    join(checkout, 'src/usage/chdb/chdb-usage-store.ts')
  )) as { openChdbUsageStore: (folder: string) => UsageStore };
  const { Session } = createRequire(join(checkout, 'package.json'))('chdb') as typeof Chdb;
  const usage = join(folder, 'usage');
  const store = openChdbUsageStore(usage);
  const other = new Session(usage);
  const loaded = readLoaded(other);
  const work = {
    nothing: () => Promise.resolve(0),
    'a writer': inserts(other, loaded, customers),
    'look-ups': lookUps(store, other, loaded),
  }[beside];

  const latenciesMs: number[] = [];
  let isOver = false;
  let done = 0;
  const ask = async (): Promise<void> => {
    const pauseMs = beside === 'a writer' ? PAUSE_MS : 0;
    for (let asked = 0; asked < WARM_UP_ASKS + asks; asked += 1) {
      if (pauseMs > 0) await setTimeout(pauseMs);
      const query = thirtyDays(loaded, `cus_${Math.floor(Math.random() * customers)}`);
      const startMs = performance.now();
      const rows = await store.summarize(query);
      if (asked >= WARM_UP_ASKS) latenciesMs.push(performance.now() - startMs);
      if (rows.length < 29) throw new Error(`${query.customer} has ${rows.length} days.`);
    }
    isOver = true;
  };
  const startMs = performance.now();
  const besideIt = async (): Promise<void> => {
    while (!isOver && beside !== 'nothing') done += await work();
  };
  await Promise.all([ask(), besideIt()]);
  const besidePerSecond = Math.round((done / (performance.now() - startMs)) * 1000);
  const inserted = insertedTotals(other, loaded.lastSequence + 1);
  other.close();
  await store.close();
  if (beside === 'a writer') await tellJournal(folder, loaded.lastSequence + done, inserted);
  return { latenciesMs, besidePerSecond };
}

function readLoaded(session: Chdb.Session): Loaded {
  const [namespace, id, lastSequence] = JSON.parse(
    session.query(
      'SELECT any(namespace), any(meter), max(sequence) FROM events',
      'JSONCompactEachRow',
    ),
  ) as [Namespace, string, number];
  return { namespace, id, lastSequence };
}

function thirtyDays({ namespace, id }: Loaded, customer: string): SummaryQuery {
  const endMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  return {
    namespace,
    meterId: id,
    customer,
    formula: 'sum',
    eventTimeWindow: null,
    groupingWindow: 'day',
    startMs: endMs - 30 * DAY_MS,
    endMs,
    order: 'newest_first',
    limit: 101,
  };
}

/** Events of the last hour, made and inserted by the engine, as fast as it can. */
function inserts(session: Chdb.Session, loaded: Loaded, customers: number): () => Promise<number> {
  let from = 0;
  const untilMs = Date.now();
  const firstSequence = loaded.lastSequence + 1;
  const bounds = { firstSequence, events: 1e9, sinceMs: untilMs - HOUR_MS, untilMs };
  return async () => {
    const chunk = { from, rows: INSERT_ROWS };
    from += INSERT_ROWS;
    const seed = firstSequence;
    await session.queryAsync(insertDrawnSql(chunk, { ...loaded, ...bounds, customers, seed }));
    return INSERT_ROWS;
  };
}

/** Events looked up by identifier, as a cancellation does. */
function lookUps(store: UsageStore, session: Chdb.Session, loaded: Loaded): () => Promise<number> {
  const sql = 'SELECT identifier FROM events WHERE sequence % 10007 = 7 LIMIT 90';
  const identifiers = session.query(sql, 'TSV').trim().split('\n');
  let next = 0;
  return async () => {
    const identifier = identifiers[next++ % identifiers.length] ?? '';
    const found = await store.findEvent(loaded.namespace, [loaded.id], identifier);
    if (found === undefined) throw new Error(`${identifier} is not found.`);
    return 1;
  };
}

console.log(JSON.stringify(await run(JSON.parse(String(process.argv[2])) as ReaderOptions)));
