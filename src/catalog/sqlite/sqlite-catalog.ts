/**
 * The catalog in one SQLite file. One process serves from it, and so may hold meters and sessions in memory; any
 * other may add and revoke keys meanwhile.
 *
 * Each call is one synchronous transaction behind a promise. A crash leaves a call's change whole,
 * with its answer, or nothing of it; whole if the call had returned.
 */
import { type Clock, systemClock } from '../../clock.ts';
import type { Catalog } from '../catalog.ts';
import { sqliteAnswers } from './answers.ts';
import { sqliteCustomers } from './customers.ts';
import { openDatabase } from './database.ts';
import { sqliteKeys } from './keys.ts';
import { sqliteMeters } from './meters.ts';
import { sqliteSessions } from './sessions.ts';
import { Writer } from './writer.ts';

/**
 * Opens the catalog at `file`, or makes it there; the folder must exist. Throws `StartupError`,
 * and leaves the file as it is, when a newer Taximeter has written it.
 */
export function openSqliteCatalog(file: string, options: { readonly clock?: Clock } = {}): Catalog {
  const db = openDatabase(file);
  const writer = new Writer(db);
  try {
    return {
      failure: writer.failure,
      meters: sqliteMeters(db, writer),
      customers: sqliteCustomers(db, writer),
      keys: sqliteKeys(db, writer, options.clock ?? systemClock),
      sessions: sqliteSessions(db, writer),
      answers: sqliteAnswers(db, writer),
      close: () => void db.close(),
    };
  } catch (error) {
    db.close();
    throw error;
  }
}
