/**
 * The usage store in process: ClickHouse as a library (chDB) over one folder, which one process may hold.
 *
 * One chDB session runs one statement at a time, so writes have a session of their own and each kind of read has some:
 * a long insert never stands in front of a query, nor a search in front of a summary. What a crash can leave is a part that has
 * no name yet, which the engine drops on the next start, and any of the parts of the batch: then the journal gives it again, to
 * `account.restore`.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drainPending, Session } from 'chdb';
import { accountOf, type Namespace } from '../../domain/namespace.ts';
import { OpenPaths } from '../../lib/files/open-paths.ts';
import { StartupError } from '../../lib/startup-error.ts';
import { windowMs } from '../../domain/windows.ts';
import type {
  RejectionCount,
  RejectionCountsQuery,
  RejectionRangeQuery,
} from '../rejection-counts.ts';
import { CANCELLATION_COLUMNS, LINE_SETTINGS, REJECTION_COLUMNS, storedQuantity } from '../rows.ts';
import { refuseRagged } from '../pruned.ts';
import {
  cancelledMetersSql,
  findCancellationSql,
  findEventSql,
  identifiersSql,
  lastReceivedSql,
  lastSequenceSql,
  namespacesSql,
  toEvent,
  type EventRow,
} from '../sql/event.ts';
import {
  rejectionCountsSql,
  rejectionsThroughSql,
  toRejectionCount,
  type RejectionCountRow,
} from '../sql/rejection-counts.ts';
import { toText } from '../sql/statement.ts';
import { anyCancelledSql, summarySql } from '../sql/summary.ts';
import { isPastAll } from '../sql/usage-parts.ts';
import {
  UnsureInsertError,
  type Auditor,
  type IdentifierRange,
  type Patience,
  type Prunable,
  type ReceivedIdentifiers,
  type StoredEvent,
  type SummaryQuery,
  type SummaryRow,
  type UsageBatch,
  type UsageStore,
} from '../usage-store.ts';
import type { CustomerUsageReader } from '../customer-usage.ts';
import type { EventSearcher } from '../event-search.ts';
import { customerUsageReader } from './customer-usage-reader.ts';
import type { StoreAccount } from '../account.ts';
import { auditor } from './auditor.ts';
import { eventSearcher } from './event-searcher.ts';
import { identifierBlocks } from './identifier-blocks.ts';
import { BlockJoiner } from './join-blocks.ts';
import { toLiteral } from './literal.ts';
import { migrate } from './migrate.ts';
import { setDamagedPartsAside } from './part-files/set-aside.ts';
import { openPools, type Pools } from './pools.ts';
import { Pruning } from './pruning.ts';
import { parseRows } from './parse-rows.ts';
import { removeShadow, snapshotInto } from './snapshot.ts';
import { storeAccount } from './store-account.ts';
import { syncLayout } from './sync-layout.ts';
import { TableFolders } from './table-folders.ts';
import { dropTokens, hasEmptyTokens } from './token-logs.ts';
import { usagePaths } from './usage-paths.ts';

/** Where the engine finds the events of the insert that runs. Left over by a crash, it is overwritten. */
const HANDOVER_FILE = 'handover';

const INSERT_SETTINGS = {
  // The default of this ClickHouse is to gather inserts in memory and answer; an answer here means on disk.
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  // One batch, one block: what a token names must be cut the same way on every try.
  input_format_parallel_parsing: 0,
  // A backfill may touch more months than the default of 100.
  max_partitions_per_insert_block: 0,
};

/**
 * Opens the folder, makes or migrates its tables. Throws StartupError when a newer version made it, or when its
 * path has characters that the engine takes for a pattern.
 */
export function openChdbUsageStore(folder: string): UsageStore {
  refusePattern(folder);
  removeShadow(folder);
  dropTokens(folder);
  setDamagedPartsAside(folder);
  const writer = new Session(folder);
  try {
    migrate(writer);
    syncLayout(folder);
    return new ChdbUsageStore(folder, writer, openPools(folder));
  } catch (error) {
    writer.close();
    throw error;
  }
}

/** The engine would take the path of the handover file for a pattern, and read what else it matches. */
function refusePattern(folder: string): void {
  if (/[*?{}]/u.test(folder)) {
    throw new StartupError(
      `The data folder ${folder} cannot have any of * ? { } in its path: ClickHouse takes them for a pattern.`,
    );
  }
}

/** The first two of CANCELLATION_COLUMNS. */
type CancelledMeter = [namespace: Namespace, meterId: string];

class ChdbUsageStore implements UsageStore {
  readonly search: EventSearcher;
  readonly customers: CustomerUsageReader;
  readonly #folder: string;
  readonly account: StoreAccount;
  readonly auditor: Auditor;
  readonly #writer: Session;
  readonly #pools: Pools;
  readonly #handoverFile: string;
  readonly #joiner = new BlockJoiner();
  readonly #folders: TableFolders;
  readonly #paths: OpenPaths;

  /**
   * The meters that have a cancellation: the others' summaries need not ask for one. Nobody else writes to
   * the folder, so what is here is all there is.
   */
  readonly #cancelledMeters: Set<string>;
  readonly #pruning: Pruning;
  /** Summaries that are being read. */
  readonly #reads = new Set<Promise<unknown>>();

  constructor(folder: string, writer: Session, pools: Pools) {
    this.#folder = folder;
    this.#writer = writer;
    this.#pools = pools;
    this.#handoverFile = join(folder, HANDOVER_FILE);
    this.#folders = new TableFolders(writer);
    this.#paths = new OpenPaths(usagePaths(folder));
    const cancelled = writer.query(cancelledMetersSql().sql, 'JSONCompactEachRow');
    this.#cancelledMeters = new Set(
      parseRows<CancelledMeter>(cancelled).map((names) => names.join(' ')),
    );
    this.#pruning = new Pruning(writer, pools.background, this.#folders);
    this.search = eventSearcher(pools);
    this.customers = customerUsageReader(
      pools.background,
      (namespace, meterId) => this.#cancelledMeters.has(`${namespace} ${meterId}`),
      () => this.prunedBeforeMs,
    );
    this.auditor = auditor(pools.readers, () => this.prunedBeforeMs);
    this.account = storeAccount(
      { writer, folder, folders: this.#folders },
      () => this.prunedBeforeMs,
      (rows) => this.#noteCancelled(rows.cancellations),
    );
  }

  async insert(batch: UsageBatch): Promise<void> {
    // The engine goes by the paths: it would insert into another folder that is there now.
    this.#paths.check();
    // Before they are stored: who asks in between looks, and finds none yet.
    this.#noteCancelled(batch.cancellations);
    try {
      await this.#insertRows(batch);
    } catch (error) {
      if (!hasEmptyTokens(this.#folder)) throw error;
      throw new UnsureInsertError('The engine has tokens of rows that it lost.', { cause: error });
    }
    await this.#folders.sync([
      ...(batch.events.length > 0 ? ['events', 'usage_hourly'] : []),
      ...(batch.cancellations.length > 0 ? ['cancellations'] : []),
      ...(batch.rejections.length > 0 ? ['rejections'] : []),
    ]);
  }

  async #insertRows(batch: UsageBatch): Promise<void> {
    const { token, cancellations, rejections } = batch;
    await this.#insertEvents(batch);
    await this.#insertLines('cancellations', CANCELLATION_COLUMNS, cancellations, token);
    await this.#insertLines('rejections', REJECTION_COLUMNS, rejections, token);
  }

  #noteCancelled(cancellations: Uint8Array): void {
    for (const [namespace, meterId] of parseRows<CancelledMeter>(textOf(cancellations))) {
      this.#cancelledMeters.add(`${namespace} ${meterId}`);
    }
  }

  /** The engine reads the events from a file: chDB takes only text formats from memory, and those cost twice as much. */
  async #insertEvents({ token, eventsFormat, events }: UsageBatch): Promise<void> {
    if (events.length === 0) return;
    const isNative = eventsFormat === 'Native';
    await writeFile(this.#handoverFile, isNative ? this.#joiner.join(events) : events);
    const settings = Object.entries({
      ...INSERT_SETTINGS,
      insert_deduplication_token: `'${token}'`,
    })
      .map(([name, value]) => `${name} = ${value}`)
      .join(', ');
    // Native names its columns; the first version's lines stand in the order of the table's.
    await this.#writer.queryAsync(
      `INSERT INTO events FROM INFILE ${toLiteral(this.#handoverFile)} SETTINGS ${settings} FORMAT ${eventsFormat}`,
    );
    await rm(this.#handoverFile);
  }

  async #insertLines(
    table: string,
    columns: readonly string[],
    values: Uint8Array,
    token: string,
  ): Promise<void> {
    if (values.length === 0) return;
    await this.#writer.insert({
      table,
      columns,
      values,
      format: 'JSONCompactEachRow',
      settings: { ...INSERT_SETTINGS, ...LINE_SETTINGS, insert_deduplication_token: token },
    });
  }

  async summarize(query: SummaryQuery, patience?: Patience): Promise<readonly SummaryRow[]> {
    const read = this.#summarize(query, this.prunedBeforeMs, patience);
    this.#reads.add(read);
    try {
      return await read;
    } finally {
      this.#reads.delete(read);
    }
  }

  async #summarize(
    query: SummaryQuery,
    prunedBeforeMs: number,
    patience: Patience | undefined,
  ): Promise<readonly SummaryRow[]> {
    refuseRagged(query, prunedBeforeMs);
    if (isPastAll(query)) return [];
    const anyCancelled = await this.#anyCancelled(query, patience);
    const statement = summarySql(query, anyCancelled, prunedBeforeMs);
    const account = accountOf(query.namespace);
    const rows = await this.#pools.readers.rows<[number, string]>(statement, patience, account);
    const { groupingWindow, startMs } = query;
    return rows.map(([window, value]) => ({
      startMs: groupingWindow === null ? startMs : window * windowMs(groupingWindow),
      value: storedQuantity(value),
    }));
  }

  async #anyCancelled(query: SummaryQuery, patience?: Patience): Promise<boolean> {
    if (!this.#cancelledMeters.has(`${query.namespace} ${query.meterId}`)) return false;
    const account = accountOf(query.namespace);
    const statement = anyCancelledSql(query);
    return (await this.#pools.readers.rows(statement, patience, account)).length > 0;
  }

  async findEvent(
    namespace: Namespace,
    meterIds: readonly string[],
    identifier: string,
    patience?: Patience,
  ): Promise<StoredEvent | undefined> {
    const { readers } = this.#pools;
    const account = accountOf(namespace);
    const find = findEventSql(namespace, meterIds, identifier);
    const [row] = await readers.rows<EventRow>(find, patience, account);
    if (row === undefined) return undefined;
    const event = toEvent(row);
    const findCancellation = findCancellationSql(event);
    const [cancelled] = await readers.rows<[string, string]>(findCancellation, patience, account);
    if (cancelled === undefined) return { event, cancellation: undefined };
    const [cancelledAtMs, requestId] = cancelled;
    return { event, cancellation: { cancelledAtMs: Number(cancelledAtMs), requestId } };
  }

  async *identifiers(range: IdentifierRange): AsyncIterable<ReceivedIdentifiers> {
    for (const [namespace] of await this.#pools.background.rows<[Namespace]>(namespacesSql())) {
      const sql = toText(identifiersSql(namespace, range));
      for await (const chunk of this.#writer.queryStream(sql, { format: 'Native' })) {
        for (const columns of identifierBlocks(chunk.raw())) yield { namespace, ...columns };
      }
    }
  }

  async rejectionsThrough(query: RejectionRangeQuery): Promise<number> {
    const [row] = await this.#pools.background.rows<[string]>(rejectionsThroughSql(query));
    return row === undefined ? query.upToSequence : Number(row[0]) - 1;
  }

  async countRejections(query: RejectionCountsQuery): Promise<readonly RejectionCount[]> {
    const rows = await this.#pools.background.rows<RejectionCountRow>(rejectionCountsSql(query));
    return rows.map(toRejectionCount);
  }

  async lastSequence(): Promise<number> {
    const [row] = await this.#pools.background.rows<[string]>(lastSequenceSql());
    return Number(row?.[0] ?? 0);
  }

  async lastReceivedAtMs(): Promise<number> {
    const [row] = await this.#pools.background.rows<[string]>(lastReceivedSql());
    return Number(row?.[0] ?? 0);
  }

  get prunedBeforeMs(): number {
    return this.#pruning.prunedBeforeMs;
  }

  get closedBeforeMs(): number {
    return this.#pruning.closedBeforeMs;
  }

  async prunable(beforeMs: number): Promise<Prunable> {
    return await this.#pruning.prunable(beforeMs);
  }

  async prune(beforeMs: number, nowMs: number, settled: () => Promise<void>): Promise<void> {
    this.#paths.check();
    await this.#pruning.prune(beforeMs, nowMs, {
      settled,
      lastSequence: async () => await this.lastSequence(),
      // Those that have begun count on events that are about to be dropped.
      unread: async () => await Promise.allSettled(this.#reads),
    });
  }

  async snapshot(folder: string): Promise<void> {
    await snapshotInto(this.#writer, this.#folder, folder);
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#pools).map(async (pool) => await pool.close()));
    this.#writer.close();
    await drainPending();
    this.#paths.close();
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
