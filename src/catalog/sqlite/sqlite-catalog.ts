/**
 * The catalog in one SQLite file. One process serves from it, and so may hold meters and sessions in memory; any
 * other may add and revoke keys meanwhile.
 *
 * Each call is one synchronous transaction behind a promise. A crash leaves a call's change whole,
 * with its answer, or nothing of it; whole if the call had returned.
 */
import { type Clock, systemClock } from '../../lib/clock.ts';
import type { Catalog } from '../catalog.ts';
import { sqliteAlerts } from './alerts.ts';
import { sqliteAnswers } from './answers.ts';
import { sqliteCoreEvents } from './core-events.ts';
import { copyTo } from './copy.ts';
import { sqliteCustomers } from './customers.ts';
import { openDatabase } from './database.ts';
import { sqliteDeliveries } from './deliveries.ts';
import { sqliteDestinations } from './destinations.ts';
import { sqliteErrorReports } from './error-reports.ts';
import { sqliteKeys } from './keys.ts';
import { sqliteMeters } from './meters.ts';
import { sqliteOutbox } from './outbox.ts';
import { sqliteSessions } from './sessions.ts';
import { Slices } from './slices.ts';
import { Writer } from './writer.ts';

/**
 * Opens the catalog at `file`, or makes it there; the folder must exist. Throws `StartupError`,
 * and leaves the file as it is, when a newer Taximeter has written it.
 */
export function openSqliteCatalog(file: string, options: { readonly clock?: Clock } = {}): Catalog {
  const db = openDatabase(file);
  try {
    const writer = new Writer(db);
    const { sql } = writer;
    const outbox = sqliteOutbox(sql);
    const slices = new Slices(sql);
    return {
      failure: writer.failure,
      meters: sqliteMeters(sql, writer, outbox),
      customers: sqliteCustomers(sql, writer, outbox, slices),
      keys: sqliteKeys(sql, writer, options.clock ?? systemClock),
      sessions: sqliteSessions(sql, writer),
      alerts: sqliteAlerts(sql, writer, outbox),
      errorReports: sqliteErrorReports(sql, writer, outbox),
      answers: sqliteAnswers(sql, writer),
      coreEvents: sqliteCoreEvents(sql, writer, outbox, slices),
      destinations: sqliteDestinations(sql, writer, outbox),
      deliveries: sqliteDeliveries(sql, writer, outbox),
      copyTo: (copy) => copyTo(file, copy),
      close: () => void db.close(),
    };
  } catch (error) {
    db.close();
    throw error;
  }
}
