/**
 * Brings the log into the file, as SQLite would by itself, and leaves a mark there: as long as a process goes on writing, the
 * file says that it needs its log, and the log says that it does not. So when the log has been brought in for good, by whoever
 * closed the file last, in whatever way it ended, the mark is gone; and a log that somebody has deleted is missed.
 */
import type Database from 'better-sqlite3';

/** SQLite's own bound, in our pages. */
const LOG_BYTES_MAX = 16 * 1024 * 1024;
/** What a commit takes besides its rows, about. */
const COMMIT_BYTES = 4 * 16_384;

export class Checkpoint {
  readonly #db: Database.Database;
  readonly #mark: Database.Statement<[number]>;
  #logBytes = 0;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#mark = db.prepare('UPDATE journal SET needs_log = ?');
    db.pragma('wal_autocheckpoint = 0');
    this.#run();
  }

  /** Tells of a commit of so many bytes. */
  committed(bytes: number): void {
    this.#logBytes += bytes + COMMIT_BYTES;
    if (this.#logBytes >= LOG_BYTES_MAX) this.#run();
  }

  #run(): void {
    this.#mark.run(1);
    this.#db.pragma('wal_checkpoint(FULL)');
    // The first commit of the log, which begins anew.
    this.#mark.run(0);
    this.#logBytes = 0;
  }
}
