/**
 * What webhooks cost who meters: the CPU that a change of a meter takes with its event, that a second takes in which
 * nobody asks for anything, and that a v1 event takes; without a destination, and with so many events waiting for one
 * that is down.
 *
 *   node bench/webhooks.ts [events that wait, 10000] [rounds, 3] [seconds a round, 5]
 *
 * The two servers take turns, so that what else the machine does befalls both.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Cleanups } from './measure/cleanups.ts';
import { cpuSeconds, load, stop, type Running } from './measure/processes.ts';
import { clientOf, KEY, serve } from './measure/served.ts';

const IDLE_S = 10;
const WRITERS = 16;

const [waitingText = '10000', roundsText = '3', secondsText = '5'] = process.argv.slice(2);
const waiting = Number(waitingText);
const cleanups = new Cleanups();

const servers = {
  'no destination': await serve(cleanups),
  'one that is down': await serve(cleanups),
};
// A destination where nobody listens.
await clientOf(servers['one that is down']).webhookEndpoints.create({
  url: 'http://127.0.0.1:9/',
  enabled_events: ['*'],
});
for (const [name, server] of Object.entries(servers)) await makeEvents(name, server);
for (const [name, server] of Object.entries(servers)) {
  const beforeS = cpuSeconds([server.child.pid ?? 0]);
  await delay(IDLE_S * 1000);
  const perS = (1000 * (cpuSeconds([server.child.pid ?? 0]) - beforeS)) / IDLE_S;
  console.log(`${name.padEnd(17)} idle: ${perS.toFixed(1)} ms of CPU a second`);
}
for (let round = 1; round <= Number(roundsText); round += 1) {
  for (const [name, server] of Object.entries(servers)) {
    const beforeS = cpuSeconds([server.child.pid ?? 0]);
    const result = await load({
      port: server.port,
      kind: 'v1',
      secret: KEY,
      connections: 64,
      batch: 1,
      duplicates: 0,
      durationMs: Number(secondsText) * 1000,
      requestsPerS: null,
    });
    if (result.failed > 0) throw new Error(result.failure ?? 'a request failed');
    const us = (1e6 * (cpuSeconds([server.child.pid ?? 0]) - beforeS)) / result.events;
    console.log(
      `${name.padEnd(17)} v1: ${us.toFixed(1)} µs of CPU an event, ${result.events} events`,
    );
  }
}
for (const server of Object.values(servers)) await stop(server);
process.exit(0);

/** By renaming a meter again and again. */
async function makeEvents(name: string, server: Running): Promise<void> {
  const client = clientOf(server);
  const [meter] = (await client.billing.meters.list()).data;
  let left = waiting;
  const write = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await client.billing.meters.update(meter?.id ?? '', { display_name: `Bench ${left}` });
    }
  };
  const beforeS = cpuSeconds([server.child.pid ?? 0]);
  await Promise.all(Array.from({ length: WRITERS }, write));
  const us = (1e6 * (cpuSeconds([server.child.pid ?? 0]) - beforeS)) / waiting;
  console.log(
    `${name.padEnd(17)} ${waiting} core events: ${us.toFixed(0)} µs of CPU each, HTTP and all`,
  );
}
