/**
 * What a team would write by hand on SQLite: rows with a unique identifier and an hourly rollup, one transaction
 * a request, WAL with `synchronous=FULL`. Sums are whole millionths: SQLite has no exact decimals.
 *
 *   node bench/peers/sqlite-server.ts <file>
 */
import Database from 'better-sqlite3';
import { servePeer, type PeerEvent } from './listen.ts';

const NAMESPACE = 'acct_1/test';
const UNITS_PER_ONE = 1e6;
const HOUR_LENGTH = '2026-11-25T09'.length;

const database = new Database(String(process.argv[2]));
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.pragma('cache_size = -262144');
// A tenth of the checkpoints, each with syncs of its own: some 40 MB of WAL instead of 4.
database.pragma('wal_autocheckpoint = 10000');
database.exec(`
  CREATE TABLE IF NOT EXISTS events (
    namespace TEXT NOT NULL,
    identifier TEXT NOT NULL,
    meter TEXT NOT NULL,
    customer TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    value INTEGER NOT NULL,
    payload TEXT NOT NULL,
    UNIQUE (namespace, identifier)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS usage_hourly (
    namespace TEXT NOT NULL,
    meter TEXT NOT NULL,
    customer TEXT NOT NULL,
    hour TEXT NOT NULL,
    count INTEGER NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (namespace, meter, customer, hour)
  ) STRICT, WITHOUT ROWID;
`);
const insertEvent = database.prepare(
  `INSERT INTO events (namespace, identifier, meter, customer, timestamp, value, payload)
   VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (namespace, identifier) DO NOTHING`,
);
const addToHour = database.prepare(
  `INSERT INTO usage_hourly (namespace, meter, customer, hour, count, sum) VALUES (?, ?, ?, ?, 1, ?)
   ON CONFLICT (namespace, meter, customer, hour)
   DO UPDATE SET count = count + 1, sum = sum + excluded.sum`,
);
const recordAll = database.transaction((events: readonly PeerEvent[]) => {
  let recorded = 0;
  for (const event of events) recorded += record(event);
  return recorded;
});

servePeer('SQLite', {
  stream: (events) => {
    recordAll.immediate(events);
  },
  v1: (event) => recordAll.immediate([event]) === 1,
});

function record({ identifier, event_name, timestamp, payload }: PeerEvent): 0 | 1 {
  const customer = payload['stripe_customer_id'] ?? '';
  const value = Math.round(Number(payload['value']) * UNITS_PER_ONE);
  const json = JSON.stringify(payload);
  const row = [NAMESPACE, identifier, event_name, customer, timestamp, value, json];
  if (insertEvent.run(row).changes === 0) return 0;
  addToHour.run(NAMESPACE, event_name, customer, timestamp.slice(0, HOUR_LENGTH), value);
  return 1;
}
