/**
 * The catalog's writes: each one transaction, and what it means when the disk refuses it. The connection is the writer's
 * own, and what it prepares for others writes only within its transactions: no write can fail unseen. A full disk has changed
 * nothing, and the write may be asked for again. After a failed write or sync nobody can say what the file holds (SQLite
 * takes the change back, the disk may not): the process must stop (P9), and what the file has, the next start reads.
 */
import assert from 'node:assert/strict';
import { SqliteError, type Database, type Statement } from 'better-sqlite3';
import { ApiError } from '../../domain/errors.ts';
import { isMoved, OpenPaths } from '../../lib/files/open-paths.ts';

/** What the catalog's parts see of the connection. Statements that write throw outside a transaction of the writer. */
export type Sql = Pick<Database, 'prepare' | 'inTransaction' | 'open'>;

export class Writer {
  /** Resolves with the error of a write or sync that failed. Nothing is written any more from then on. */
  readonly failure: Promise<unknown>;
  readonly sql: Sql;
  readonly #db: Database;
  readonly #fail: (error: unknown) => void;
  readonly #paths: OpenPaths;
  readonly #mark: Statement;
  #failed: unknown;

  constructor(db: Database) {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#db = db;
    this.sql = guarded(db);
    this.#mark = db.prepare('UPDATE unsynced_commits SET commits = commits + 1');
    this.failure = promise;
    this.#fail = resolve;
    const { name } = db;
    this.#paths = new OpenPaths({ files: [name], logs: [`${name}-wal`, `${name}-shm`] });
  }

  /** What runs in one transaction. It throws ApiError `unavailable` when the disk is full, or has failed. */
  transaction<Args extends unknown[], Result>(
    run: (...args: Args) => Result,
  ): (...args: Args) => Result {
    const transaction = this.#db.transaction(run);
    return (...args) => {
      if (this.#failed !== undefined) throw unwritable('The catalog failed.', this.#failed);
      try {
        const result = transaction.immediate(...args);
        // A change of a file that nobody can find again is none.
        this.#paths.check();
        return result;
      } catch (error) {
        throw this.#judge(error);
      }
    };
  }

  /**
   * As `transaction`, without waiting for the disk, which the serving thread would: for what may be done again when a
   * power cut loses it. The next write that waits brings it along. Until then the disk may have such commits in any order,
   * so each is marked as one (log-check.ts).
   */
  unsynced<Args extends unknown[], Result>(
    run: (...args: Args) => Result,
  ): (...args: Args) => Result {
    const write = this.transaction((...args: Args) => {
      this.#mark.run();
      return run(...args);
    });
    return (...args) => {
      this.#db.pragma('synchronous = NORMAL');
      try {
        return write(...args);
      } finally {
        this.#db.pragma('synchronous = FULL');
      }
    };
  }

  #judge(error: unknown): unknown {
    const code = error instanceof SqliteError ? error.code : '';
    if (code === 'SQLITE_FULL') return unwritable('The disk is full.', error);
    if (!code.startsWith('SQLITE_IOERR') && !isMoved(error)) return error;
    this.#failed = error;
    this.#fail(error);
    return unwritable('The catalog failed.', error);
  }
}

function unwritable(why: string, cause: unknown): ApiError {
  const refusal = new ApiError('unavailable', `${why} Nothing was changed. Try again later.`);
  refusal.cause = cause;
  return refusal;
}

function guarded(db: Database): Sql {
  const prepare = (source: string): Statement<unknown[]> => guard(db, db.prepare(source));
  return {
    prepare: prepare as Sql['prepare'],
    get inTransaction() {
      return db.inTransaction;
    },
    get open() {
      return db.open;
    },
  };
}

function guard(db: Database, statement: Statement<unknown[]>): Statement<unknown[]> {
  if (statement.readonly) return statement;
  for (const name of ['run', 'get', 'all', 'iterate'] as const) {
    const method = statement[name].bind(statement) as (...params: unknown[]) => unknown;
    const value = (...params: unknown[]): unknown => {
      assert(db.inTransaction, `only the writer writes: ${statement.source}`);
      return method(...params);
    };
    Object.defineProperty(statement, name, { value });
  }
  return statement;
}
