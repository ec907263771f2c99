/** The server that is measured: the real command, on a data folder of its own. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import Stripe from 'stripe';
import { EVENT_NAME } from '../load/requests.ts';
import type { Cleanups } from '../measure/cleanups.ts';
import { start, type Running } from '../measure/processes.ts';

export type Taximeter = Running & {
  readonly folder: string;
  readonly sdk: Stripe;
  readonly key: string;
  /** The meter that the load sends to; made with the folder. */
  readonly meterId: string;
};

/** `main`: the command of another checkout. */
export async function startTaximeter(
  cleanups: Cleanups,
  folder: string,
  env: Readonly<Record<string, string>> = {},
  main = '../src/main.ts',
): Promise<Taximeter> {
  mkdirSync(folder, { recursive: true });
  const key = `sk_test_${randomBytes(16).toString('hex')}`;
  const running = await start(cleanups, main, ['serve', '--port', '0', '--data', folder], {
    ...env,
    TAXIMETER_SECRET_KEY: key,
  });
  const sdk = new Stripe(key, { host: '127.0.0.1', port: running.port, protocol: 'http' });
  return { ...running, folder, sdk, key, meterId: await findOrCreateMeter(sdk) };
}

async function findOrCreateMeter(sdk: Stripe): Promise<string> {
  const { data } = await sdk.billing.meters.list();
  const found = data.find((meter) => meter.event_name === EVENT_NAME);
  if (found !== undefined) return found.id;
  const made = await sdk.billing.meters.create({
    display_name: 'Requests',
    event_name: EVENT_NAME,
    default_aggregation: { formula: 'sum' },
  });
  return made.id;
}

/**
 * A token for the stream, good for 15 minutes: take a new one for each run. Undefined when the server does not
 * serve sessions (404).
 */
export async function streamToken({ sdk }: Taximeter): Promise<string | undefined> {
  try {
    return (await sdk.v2.billing.meterEventSession.create()).authentication_token;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError && error.statusCode === 404) return undefined;
    throw error;
  }
}

/**
 * Whether the stream counts what it acknowledges: one batch of PROBE_EVENTS, then a summary of its customer. A
 * server that says yes and stores nothing would win every race.
 */
export async function streamCounts(
  { port, sdk, meterId }: Taximeter,
  token: string,
): Promise<boolean> {
  const customer = 'cus_probe';
  const payload = { stripe_customer_id: customer, value: '1' };
  const timestamp = new Date().toISOString();
  const event = (): object => {
    return { event_name: EVENT_NAME, identifier: randomUUID(), timestamp, payload };
  };
  const response = await fetch(`http://127.0.0.1:${port}/v2/billing/meter_event_stream`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ events: Array.from({ length: PROBE_EVENTS }, event) }),
  });
  await response.arrayBuffer();
  const dayS = Math.floor(Date.now() / 1000 / DAY_S) * DAY_S;
  const range = { start_time: dayS - DAY_S, end_time: dayS + DAY_S };
  const summaries = await sdk.billing.meters.listEventSummaries(meterId, { customer, ...range });
  return response.ok && summaries.data[0]?.aggregated_value === PROBE_EVENTS;
}

export const PROBE_EVENTS = 10;
const DAY_S = 86_400;
const DAYS = 30;

/** How long the SDK waits for one customer's last 30 days, by day; in milliseconds. */
export async function askSummary({ sdk, meterId }: Taximeter, customer: string): Promise<number> {
  const endS = (Math.floor(Date.now() / 1000 / DAY_S) + 1) * DAY_S;
  const range = { start_time: endS - DAYS * DAY_S, end_time: endS };
  const query = { customer, ...range, value_grouping_window: 'day', limit: 100 } as const;
  const startMs = performance.now();
  await sdk.billing.meters.listEventSummaries(meterId, query);
  return performance.now() - startMs;
}
