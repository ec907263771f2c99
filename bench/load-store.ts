/**
 * Fills a stopped data folder with events, some 300,000 a second: straight into the usage store, past HTTP and
 * the journal, so that a figure at 50 million stored events takes minutes to come by and not hours.
 *
 *   node bench/load-store.ts FOLDER [events, 1000000] [customers, 1000] [days, 35]
 *
 * What it leaves is what a server would have left: one meter in the catalog, events in the order of arrival
 * with their rollup (ClickHouse's own view fills it), and a journal that knows the last sequence. Killed
 * half-way, the folder is one that a server refuses.
 */
import { DAY_MS } from '../src/domain/time.ts';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { drainPending, Session } from 'chdb';
import { systemClock } from '../src/lib/clock.ts';
import { closeDataFolder, openDataFolder, type DataFolder } from '../src/ops/data-folder.ts';
import { newMeterId } from '../src/lib/ids.ts';
import { openSqliteJournal } from '../src/journal/sqlite/thread-journal.ts';
import { NO_TOTALS, type Totals } from '../src/journal/totals.ts';
import type { Meter } from '../src/domain/meter.ts';
import { toNamespace } from '../src/domain/namespace.ts';
import { storedQuantity } from '../src/usage/rows.ts';

export type LoadStoreOptions = {
  readonly events: number;
  /** `cus_0`, `cus_1`, …; each event draws one. Default: 1000. */
  readonly customers?: number;
  /** The events lie evenly over this many days (default: 35) … */
  readonly days?: number;
  /** … which end here (default: now). */
  readonly untilMs?: number;
  /** The same seed and bounds make the same events, to the last byte of an identifier. Default: 1. */
  readonly seed?: number;
};
export type LoadedStore = { readonly meterId: string; readonly lastSequence: number };

export const LOADED_EVENT_NAME = 'requests';

/** Rows of one insert: some 100 MB while it runs, however many there are in all. */
const CHUNK_ROWS = 500_000;
/** How much earlier than its arrival an event may have happened. */
const DELAY_MAX_MS = 2000;
/** One merge often makes room for the next: over is when none was seen for two seconds. */
const MERGES_POLL_MS = 250;
const MERGES_QUIET_POLLS = 8;

/**
 * Adds `events` events of the meter `requests` (made when missing) to the default account's test mode.
 * Throws when the folder's journal still holds events: start and stop a server on it first.
 */
export async function loadStore(folder: string, options: LoadStoreOptions): Promise<LoadedStore> {
  const opened = await openDataFolder(folder, systemClock, 'make');
  let meter: Meter;
  let firstSequence: number;
  try {
    meter = await findOrMakeMeter(opened);
    firstSequence = (await refuseUnflushed(opened)) + 1;
  } finally {
    await closeDataFolder(opened);
  }
  const totals = await insertChunks(join(folder, 'usage'), meter, firstSequence, options);
  await drainPending();
  const lastSequence = firstSequence + options.events - 1;
  await tellJournal(folder, lastSequence, totals);
  return { meterId: meter.id, lastSequence };
}

async function findOrMakeMeter({ catalog }: DataFolder): Promise<Meter> {
  const namespace = toNamespace(catalog.keys.defaultAccount(), 'test');
  const [found] = catalog.meters.ofEventName(namespace, LOADED_EVENT_NAME);
  if (found !== undefined) return found;
  const nowS = Math.floor(systemClock.nowMs() / 1000);
  const meter: Meter = {
    id: newMeterId('test'),
    namespace,
    displayName: 'Requests',
    eventName: LOADED_EVENT_NAME,
    formula: 'sum',
    eventTimeWindow: null,
    customerKey: 'stripe_customer_id',
    valueKey: 'value',
    status: 'active',
    createdS: nowS,
    updatedS: nowS,
    deactivatedAtS: null,
  };
  await catalog.meters.create(meter);
  return meter;
}

async function refuseUnflushed({ journal, store }: DataFolder): Promise<number> {
  const stored = await store.lastSequence();
  if (stored === journal.lastSequence) return stored;
  throw new Error(`The journal ends at ${journal.lastSequence}, the usage store at ${stored}.`);
}

async function insertChunks(
  usage: string,
  meter: Meter,
  firstSequence: number,
  options: LoadStoreOptions,
): Promise<Totals> {
  const session = new Session(usage);
  const { events, customers = 1000, days = 35, seed = 1 } = options;
  const untilMs = options.untilMs ?? systemClock.nowMs();
  const sinceMs = untilMs - days * DAY_MS;
  try {
    for (let from = 0; from < events; from += CHUNK_ROWS) {
      const rows = Math.min(CHUNK_ROWS, events - from);
      const of = { ...meter, customers, seed, firstSequence, events, sinceMs, untilMs };
      session.query(insertDrawnSql({ from, rows }, of));
    }
    await mergesEnded(session);
    return insertedTotals(session, firstSequence);
  } finally {
    session.close();
  }
}

/** What came from a sequence on. */
export function insertedTotals(session: Session, firstSequence: number): Totals {
  const text = session.query(
    `SELECT count(), sum(toUInt256(sequence)), sum(toDecimal256(value, 12)) FROM events
     WHERE sequence >= ${firstSequence}`,
    'TSV',
  );
  const [events, sequenceSum = '', valueSum = ''] = text.trim().split('\t');
  return {
    ...NO_TOTALS,
    events: Number(events),
    sequenceSum: BigInt(sequenceSum),
    valueSum: storedQuantity(valueSum),
  };
}

/** As in a folder that a server has served for a while: else it would begin with merging. */
async function mergesEnded(session: Session): Promise<void> {
  for (let quiet = 0; quiet < MERGES_QUIET_POLLS; quiet += 1) {
    await setTimeout(MERGES_POLL_MS);
    if (session.query('SELECT count() FROM system.merges', 'TSV').trim() !== '0') quiet = -1;
  }
}

/** Which events there are in all, evenly over [sinceMs, untilMs) by arrival. */
export type DrawnEvents = Pick<Meter, 'namespace' | 'id'> & {
  readonly customers: number;
  readonly seed: number;
  readonly firstSequence: number;
  readonly events: number;
  readonly sinceMs: number;
  readonly untilMs: number;
};

/** Inserts `rows` of them from number `from` on. Numbers and names of our own only: nothing to bind. */
export function insertDrawnSql(
  { from, rows }: { readonly from: number; readonly rows: number },
  { namespace, id, customers, seed, firstSequence, events, sinceMs, untilMs }: DrawnEvents,
): string {
  const drawn = (what: string, below: number) => `sipHash64(${seed}, '${what}', number) % ${below}`;
  return `
    INSERT INTO events (namespace, meter, customer, timestamp, sequence, received_at, identifier, value, payload)
    WITH
      ${sinceMs} + intDiv(number * ${untilMs - sinceMs}, ${events}) AS received_ms,
      concat('cus_', toString(${drawn('customer', customers)})) AS customer_id,
      ${drawn('value', 10_000)} AS cents
    SELECT
      '${namespace}',
      '${id}',
      customer_id,
      fromUnixTimestamp64Milli(toInt64(received_ms - ${drawn('delay', DELAY_MAX_MS)}), 'UTC'),
      ${firstSequence} + number,
      fromUnixTimestamp64Milli(toInt64(received_ms), 'UTC'),
      toString(reinterpretAsUUID(sipHash128(${seed}, 'identifier', number))),
      toDecimal128(cents, 12) / 100,
      map('stripe_customer_id', customer_id,
        'value', concat(toString(intDiv(cents, 100)), '.', leftPad(toString(cents % 100), 2, '0')))
    FROM numbers(${from}, ${rows})
    SETTINGS async_insert = 0, insert_deduplicate = 0, max_block_size = ${rows}, max_threads = 1,
      min_insert_block_size_rows = ${rows}, max_partitions_per_insert_block = 0`;
}

/** A block without rows that has left: the next start finds journal and store at the same sequence and totals. */
export async function tellJournal(
  folder: string,
  lastSequence: number,
  totals: Totals,
): Promise<void> {
  const journal = await openSqliteJournal(join(folder, 'journal.db'));
  const nothing = new Uint8Array();
  await journal.commit({
    lastSequence,
    lastReceivedAtMs: 0,
    rows: 0,
    totals,
    events: nothing,
    cancellations: nothing,
    rejections: nothing,
    answerBodies: [],
    receipts: nothing,
  });
  const plan = await journal.planFlush();
  if (plan !== undefined) await journal.finishFlush(plan);
  await journal.close();
}

if (import.meta.main) {
  const [folder, ...numbers] = process.argv.slice(2);
  if (folder === undefined) throw new Error('Which folder?');
  const [events = 1_000_000, customers = 1000, days = 35] = numbers.map(Number);
  const startMs = performance.now();
  const { meterId, lastSequence } = await loadStore(folder, { events, customers, days });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${events} events of ${meterId} in ${seconds} s; the last is number ${lastSequence}`);
}
