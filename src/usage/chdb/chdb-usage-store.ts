/**
 * The usage store in process: ClickHouse as a library (chDB) over one folder, which one process may hold.
 *
 * One chDB session runs one statement at a time, so writes have a session of their own and reads share a few:
 * a long insert never stands in front of a query. What a crash can leave is a part that is not active yet;
 * the engine drops it on the next start and the journal inserts the batch again under the same token.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drainPending, Session } from 'chdb';
import type { Namespace } from '../../namespace.ts';
import { StartupError } from '../../startup-error.ts';
import { windowMs } from '../../summaries/windows.ts';
import { CANCELLATION_COLUMNS, REJECTION_COLUMNS, storedQuantity } from '../rows.ts';
import type { Patience } from '../patience.ts';
import { auditSql } from '../sql/audit.ts';
import {
  cancelledMetersSql,
  findCancellationSql,
  findEventSql,
  identifiersSql,
  lastSequenceSql,
  namespacesSql,
  toEvent,
  type EventRow,
} from '../sql/event.ts';
import { toText } from '../sql/statement.ts';
import { anyCancelledSql, summarySql } from '../sql/summary.ts';
import type {
  Audit,
  IdentifierRange,
  ReceivedIdentifiers,
  StoredEvent,
  SummaryQuery,
  SummaryRow,
  UsageBatch,
  UsageStore,
} from '../usage-store.ts';
import type { EventSearcher } from '../event-search.ts';
import { eventSearcher } from './event-searcher.ts';
import { identifierBlocks } from './identifier-blocks.ts';
import { migrate } from './migrate.ts';
import { parseRows, SessionPool } from './session-pool.ts';

/** Reads that run beside each other. Two cores' worth: more only wait inside the engine. */
const READERS = 2;

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
  const writer = new Session(folder);
  try {
    migrate(writer);
    const readers = new SessionPool(() => new Session(folder), READERS);
    return new ChdbUsageStore(writer, readers, join(folder, HANDOVER_FILE));
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
  readonly #writer: Session;
  readonly #readers: SessionPool;
  readonly #handoverFile: string;

  /**
   * The meters that have a cancellation: the others' summaries need not ask for one. Nobody else writes to
   * the folder, so what is here is all there is.
   */
  readonly #cancelledMeters: Set<string>;

  constructor(writer: Session, readers: SessionPool, handoverFile: string) {
    this.#writer = writer;
    this.#readers = readers;
    this.#handoverFile = handoverFile;
    const cancelled = writer.query(cancelledMetersSql().sql, 'JSONCompactEachRow');
    this.#cancelledMeters = new Set(
      parseRows<CancelledMeter>(cancelled).map((names) => names.join(' ')),
    );
    this.search = eventSearcher(readers);
  }

  async insert(batch: UsageBatch): Promise<void> {
    // Before they are stored: who asks in between looks, and finds none yet.
    for (const [namespace, meterId] of parseRows<CancelledMeter>(textOf(batch.cancellations))) {
      this.#cancelledMeters.add(`${namespace} ${meterId}`);
    }
    await this.#insertEvents(batch);
    await this.#insertLines(
      'cancellations',
      CANCELLATION_COLUMNS,
      batch.cancellations,
      batch.token,
    );
    await this.#insertLines('rejections', REJECTION_COLUMNS, batch.rejections, batch.token);
  }

  /** The engine reads the events from a file: chDB takes only text formats from memory, and those cost twice as much. */
  async #insertEvents({ token, eventsFormat, events }: UsageBatch): Promise<void> {
    if (events.length === 0) return;
    await writeFile(this.#handoverFile, events);
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
      settings: { ...INSERT_SETTINGS, insert_deduplication_token: token },
    });
  }

  async summarize(query: SummaryQuery, patience?: Patience): Promise<readonly SummaryRow[]> {
    const statement = summarySql(query, await this.#anyCancelled(query, patience));
    const rows = await this.#readers.rows<[number, string]>(statement, patience);
    const { groupingWindow, startMs } = query;
    return rows.map(([window, value]) => ({
      startMs: groupingWindow === null ? startMs : window * windowMs(groupingWindow),
      value: storedQuantity(value),
    }));
  }

  async #anyCancelled(query: SummaryQuery, patience?: Patience): Promise<boolean> {
    if (!this.#cancelledMeters.has(`${query.namespace} ${query.meterId}`)) return false;
    return (await this.#readers.rows(anyCancelledSql(query), patience)).length > 0;
  }

  async findEvent(
    namespace: Namespace,
    meterIds: readonly string[],
    identifier: string,
    patience?: Patience,
  ): Promise<StoredEvent | undefined> {
    const find = findEventSql(namespace, meterIds, identifier);
    const [row] = await this.#readers.rows<EventRow>(find, patience);
    if (row === undefined) return undefined;
    const event = toEvent(row);
    const findCancellation = findCancellationSql(event);
    const [cancelled] = await this.#readers.rows<[string, string]>(findCancellation, patience);
    if (cancelled === undefined) return { event, cancellation: undefined };
    const [cancelledAtMs, requestId] = cancelled;
    return { event, cancellation: { cancelledAtMs: Number(cancelledAtMs), requestId } };
  }

  async *identifiers(range: IdentifierRange): AsyncIterable<ReceivedIdentifiers> {
    for (const [namespace] of await this.#readers.rows<[Namespace]>(namespacesSql())) {
      const sql = toText(identifiersSql(namespace, range));
      for await (const chunk of this.#writer.queryStream(sql, { format: 'Native' })) {
        for (const columns of identifierBlocks(chunk.raw())) yield { namespace, ...columns };
      }
    }
  }

  async lastSequence(): Promise<number> {
    const [row] = await this.#readers.rows<[string]>(lastSequenceSql());
    return Number(row?.[0] ?? 0);
  }

  async audit(): Promise<Audit> {
    const [row] = await this.#readers.rows<[string, string, string]>(auditSql());
    const [events, hours, differences] = row ?? ['0', '0', '0'];
    return {
      events: Number(events),
      hours: Number(hours),
      differences: Number(differences),
    };
  }

  async close(): Promise<void> {
    await this.#readers.close();
    this.#writer.close();
    await drainPending();
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

/** A text literal of ClickHouse's SQL, for paths of ours; for what clients send see `toText`. */
function toLiteral(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
