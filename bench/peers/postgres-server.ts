/**
 * What a team would write by hand on PostgreSQL: one statement a request stores the events whose identifier is
 * new, with their payload, and adds them to an hourly rollup, exact (`numeric`) and durable
 * (`synchronous_commit`). Queries are prepared, batches travel as arrays, and rows are locked in one order so that
 * concurrent batches do not deadlock.
 *
 *   node bench/peers/postgres-server.ts <folder of the socket> <connections>
 */
import { Pool } from 'pg';
import { servePeer, type PeerEvent } from './listen.ts';

const NAMESPACE = 'acct_1/test';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS events (
    namespace text NOT NULL,
    identifier text NOT NULL,
    meter text NOT NULL,
    customer text NOT NULL,
    timestamp timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    value numeric NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (namespace, identifier)
  );
  CREATE TABLE IF NOT EXISTS usage_hourly (
    namespace text NOT NULL,
    meter text NOT NULL,
    customer text NOT NULL,
    hour timestamptz NOT NULL,
    count bigint NOT NULL,
    sum numeric NOT NULL,
    PRIMARY KEY (namespace, meter, customer, hour)
  ) WITH (fillfactor = 50);
`;

const RECORD = `
  WITH inserted AS (
    INSERT INTO events (namespace, identifier, meter, customer, timestamp, value, payload)
    SELECT $1, identifier, meter, customer, timestamp, value, payload
    FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::numeric[], $7::jsonb[])
      AS sent (identifier, meter, customer, timestamp, value, payload)
    ORDER BY identifier
    ON CONFLICT (namespace, identifier) DO NOTHING
    RETURNING meter, customer, timestamp, value
  ), rolled_up AS (
    INSERT INTO usage_hourly (namespace, meter, customer, hour, count, sum)
    SELECT $1, meter, customer, date_trunc('hour', timestamp), count(*), sum(value)
    FROM inserted
    GROUP BY 2, 3, 4
    ORDER BY 2, 3, 4
    ON CONFLICT (namespace, meter, customer, hour) DO UPDATE
    SET count = usage_hourly.count + excluded.count, sum = usage_hourly.sum + excluded.sum
  )
  SELECT count(*)::int AS recorded FROM inserted`;

const RECORD_ONE = `
  WITH inserted AS (
    INSERT INTO events (namespace, identifier, meter, customer, timestamp, value, payload)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (namespace, identifier) DO NOTHING
    RETURNING meter, customer, timestamp, value
  ), rolled_up AS (
    INSERT INTO usage_hourly (namespace, meter, customer, hour, count, sum)
    SELECT $1, meter, customer, date_trunc('hour', timestamp), 1, value
    FROM inserted
    ON CONFLICT (namespace, meter, customer, hour) DO UPDATE
    SET count = usage_hourly.count + excluded.count, sum = usage_hourly.sum + excluded.sum
  )
  SELECT count(*)::int AS recorded FROM inserted`;

const [host = '', connections = '8'] = process.argv.slice(2);
const pool = new Pool({ host, user: 'postgres', database: 'postgres', max: Number(connections) });
await pool.query(SCHEMA);

servePeer('PostgreSQL', {
  stream: async (events) => {
    await record(RECORD, [
      NAMESPACE,
      events.map((event) => event.identifier),
      events.map((event) => event.event_name),
      events.map(customerOf),
      events.map((event) => event.timestamp),
      events.map(valueOf),
      events.map((event) => JSON.stringify(event.payload)),
    ]);
  },
  v1: async (event) => {
    const { identifier, event_name, timestamp, payload } = event;
    const fields = [identifier, event_name, customerOf(event), timestamp, valueOf(event)];
    return (await record(RECORD_ONE, [NAMESPACE, ...fields, JSON.stringify(payload)])) === 1;
  },
});

async function record(text: string, values: readonly unknown[]): Promise<number> {
  const name = text === RECORD ? 'record' : 'record-one';
  const { rows } = await pool.query<{ recorded: number }>({ name, text, values: [...values] });
  return rows[0]?.recorded ?? 0;
}

function customerOf(event: PeerEvent): string {
  return event.payload['stripe_customer_id'] ?? '';
}

function valueOf(event: PeerEvent): string {
  return event.payload['value'] ?? '0';
}
