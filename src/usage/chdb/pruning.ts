/**
 * Pruning, step by step: hours with a cancellation are settled, then it is written down that the months are pruned, and only
 * then, when both are on disk, are they dropped. A crash before it is written down leaves rows that the next try replaces; one
 * after it leaves months that nobody reads any more and that the next start drops.
 */
import type { Session } from 'chdb';
import {
  cancelledHoursSql,
  monthBytesSql,
  prunableMonthsSql,
  prunedBeforeSql,
  recordPruneSql,
  settleHoursSql,
} from '../sql/prune.ts';
import { toText } from '../sql/statement.ts';
import type { Prunable } from '../usage-store.ts';
import { parseRows } from './parse-rows.ts';
import type { SessionPool } from './session-pool.ts';
import type { TableFolders } from './table-folders.ts';

/** What pruning waits for. */
type Awaits = {
  readonly settled: () => Promise<void>;
  readonly lastSequence: () => Promise<number>;
  /** Resolves when all summaries that had begun have been read. */
  readonly unread: () => Promise<unknown>;
};

export class Pruning {
  /** See UsageStore. */
  prunedBeforeMs: number;
  closedBeforeMs: number;
  readonly #pool: SessionPool;
  readonly #folders: TableFolders;

  /** Finishes what a crash has left. */
  constructor(writer: Session, pool: SessionPool, folders: TableFolders) {
    this.#pool = pool;
    this.#folders = folders;
    const [row] = parseRows<[string]>(writer.query(prunedBeforeSql().sql, 'JSONCompactEachRow'));
    this.prunedBeforeMs = Number(row?.[0] ?? 0);
    this.closedBeforeMs = this.prunedBeforeMs;
    const months = parseRows<[string]>(
      writer.query(toText(prunableMonthsSql(this.prunedBeforeMs)), 'JSONCompactEachRow'),
    );
    for (const [month] of months) writer.query(dropMonth(month));
  }

  async prunable(beforeMs: number): Promise<Prunable> {
    const months = await this.#months(beforeMs);
    const bytes = new Map(await this.#pool.rows<[string, string]>(monthBytesSql()));
    const hours = await this.#pool.rows<[string]>(cancelledHoursSql(this.prunedBeforeMs, beforeMs));
    return {
      months: months.map(([month, events]) => ({
        month: `${month.slice(0, 4)}-${month.slice(4)}`,
        events: Number(events),
        bytes: Number(bytes.get(month) ?? 0),
      })),
      cancelledHours: Number(hours[0]?.[0] ?? 0),
      lastReceivedAtMs: Math.max(-Infinity, ...months.map(([, , last]) => Number(last))),
    };
  }

  async prune(beforeMs: number, nowMs: number, store: Awaits): Promise<void> {
    const fromMs = this.prunedBeforeMs;
    if (beforeMs <= fromMs) return;
    this.closedBeforeMs = beforeMs;
    try {
      // From here on there are no more cancellations of these months than the store has.
      await store.settled();
      await this.#pool.rows(settleHoursSql(fromMs, beforeMs));
      await this.#pool.rows(recordPruneSql(beforeMs, await store.lastSequence(), nowMs));
      await this.#folders.sync(['settled_hours', 'prunes']);
    } catch (error) {
      this.closedBeforeMs = fromMs;
      throw error;
    }
    this.prunedBeforeMs = beforeMs;
    await store.unread();
    for (const [month] of await this.#months(beforeMs)) {
      await this.#pool.rows({ sql: dropMonth(month), params: {} });
    }
  }

  async #months(beforeMs: number): Promise<[month: string, events: string, lastMs: string][]> {
    return await this.#pool.rows(prunableMonthsSql(beforeMs));
  }
}

/** The engine's own name of a month. */
function dropMonth(month: string): string {
  return `ALTER TABLE events DROP PARTITION ID '${month}'`;
}
