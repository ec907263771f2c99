/**
 * What 10,000 alerts, one for each customer of the load, and a destination that is down cost the stream, and how long
 * an alert takes to fire meanwhile: from the moment when the event that crosses its threshold is sent to the creation
 * of the event that tells of it.
 *
 *   node bench/alerts.ts [alerts, 10000] [rounds, 5] [seconds a round, 5]
 *
 * The two servers take turns, so that what else the machine does befalls both.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type Stripe from 'stripe';
import { EVENT_NAME } from './load/requests.ts';
import { Cleanups } from './measure/cleanups.ts';
import { cpuSeconds, load, stop, type Running } from './measure/processes.ts';
import { clientOf, serve } from './measure/served.ts';
import { percentile } from './measure/statistics.ts';

const WRITERS = 16;
const PROBES_A_ROUND = 5;
/** Above what a customer of the load comes to, so that these alerts are looked at with each step. */
const NEVER = 1e14;

const [alertsText = '10000', roundsText = '5', secondsText = '5'] = process.argv.slice(2);
const seconds = Number(secondsText);
const cleanups = new Cleanups();

const without = await serve(cleanups);
const withAlerts = await serve(cleanups);
await clientOf(withAlerts).webhookEndpoints.create({
  // Nobody listens there.
  url: 'http://127.0.0.1:9/',
  enabled_events: ['*'],
});
await makeAlerts(withAlerts, Number(alertsText));

const rates = { without: [] as number[], with: [] as number[] };
const firedMs: number[] = [];
for (let round = 1; round <= Number(roundsText); round += 1) {
  rates.without.push(await run('without alerts', without));
  const probes = probe(withAlerts, round);
  rates.with.push(await run('with alerts', withAlerts));
  firedMs.push(...(await probes));
}
const median = (values: readonly number[]): number => percentile(values, 0.5);
console.log(`ratio of the medians: ${(median(rates.with) / median(rates.without)).toFixed(3)}`);
console.log(
  `an alert fired after ${median(firedMs).toFixed(0)} ms in the median, ` +
    `${Math.max(...firedMs).toFixed(0)} ms at most, of ${firedMs.length}`,
);
for (const server of [without, withAlerts]) await stop(server);
process.exit(0);

async function run(name: string, server: Running): Promise<number> {
  const session = await clientOf(server).v2.billing.meterEventSession.create();
  const beforeS = cpuSeconds([server.child.pid ?? 0]);
  const result = await load({
    port: server.port,
    kind: 'stream',
    secret: session.authentication_token,
    connections: 64,
    batch: 100,
    duplicates: 0,
    durationMs: seconds * 1000,
    requestsPerS: null,
  });
  if (result.failed > 0) throw new Error(result.failure ?? 'a request failed');
  const perS = (1000 * result.events) / result.elapsedMs;
  const us = (1e6 * (cpuSeconds([server.child.pid ?? 0]) - beforeS)) / result.events;
  console.log(
    `${name.padEnd(15)} ${Math.round(perS).toLocaleString('en-US')} events/s, ${us.toFixed(2)} µs of CPU each`,
  );
  return perS;
}

/** While the load runs: for how many ms each of a few alerts took to fire. */
async function probe(server: Running, round: number): Promise<number[]> {
  const client = clientOf(server);
  const [meter] = (await client.billing.meters.list()).data;
  const took: number[] = [];
  for (let n = 0; n < PROBES_A_ROUND; n += 1) {
    const customer = `cus_probe_${round}_${n}`;
    const alert = await makeAlert(client, meter?.id ?? '', customer, 1);
    await delay((seconds * 1000) / (PROBES_A_ROUND + 1) / 2);
    const sentMs = Date.now();
    const payload = { stripe_customer_id: customer, value: '1' };
    await client.billing.meterEvents.create({ event_name: EVENT_NAME, payload });
    took.push((await whenFired(client, alert.id)) - sentMs);
  }
  return took;
}

async function whenFired(client: Stripe, alertId: string): Promise<number> {
  for (;;) {
    const { data } = await client.v2.core.events.list({ object_id: alertId, limit: 1 });
    if (data[0] !== undefined) return Date.parse(data[0].created);
    await delay(50);
  }
}

async function makeAlerts(server: Running, count: number): Promise<void> {
  const client = clientOf(server);
  const [meter] = (await client.billing.meters.list()).data;
  let left = count;
  const write = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const customer = `cus_${String(left % 10_000).padStart(4, '0')}`;
      await makeAlert(client, meter?.id ?? '', customer, NEVER);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
}

async function makeAlert(client: Stripe, meter: string, customer: string, gte: number) {
  return await client.billing.alerts.create({
    title: 'Bench',
    alert_type: 'usage_threshold',
    usage_threshold: {
      meter,
      gte,
      recurrence: 'one_time',
      filters: [{ type: 'customer', customer }],
    },
  });
}
