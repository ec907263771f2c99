/** Restarts under load: what was acknowledged is there once, and SDKs see no more than a pause. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { freePort } from '../support/free-port.ts';
import { unique } from '../support/random.ts';
import { newClient, SDK_LINES } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { openStream, postStream } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { isoOf, v2Event } from '../support/v2.ts';
import { until } from '../support/wait.ts';

const RESTARTS = 3;
const BATCH = 20;

test('SDK clients and streams go on over restarts; every event is counted once', async (t) => {
  const server = await Server.start({ args: ['--port', String(await freePort())] });
  try {
    const meter = await createMeter(newClient(server), { formula: 'count' });
    const token = await openStream(server);
    const timestamp = dayStart(1);
    let isOver = false;
    let acknowledged = 0;

    // Many tries, so that no restart on a slow machine outlasts them.
    const sdkLane = async (line: (typeof SDK_LINES)[number]): Promise<void> => {
      const client = newClient(server, { line, maxNetworkRetries: 60 });
      while (!isOver) {
        await sendEvent(client, meter, { customer: 'c', timestamp });
        acknowledged += 1;
      }
    };
    const refusals = new Set<string>();
    const streamLane = async (): Promise<void> => {
      while (!isOver) {
        const key = unique('key');
        const events = Array.from({ length: BATCH }, () =>
          v2Event(meter, {
            timestamp: isoOf(timestamp),
            identifier: unique('evt'),
            customer: 'c',
          }),
        );
        await until('it was acknowledged', async () => {
          const headers = { 'idempotency-key': key };
          const answer = await postStream(server, token, events, headers).catch(() => undefined);
          if (answer === undefined || answer.status === 200) return answer !== undefined;
          refusals.add(`${answer.status} ${String(answer.headers['retry-after'])}`);
          return false;
        });
        acknowledged += BATCH;
      }
    };
    const lanes = Promise.all([
      ...SDK_LINES.flatMap((line) => [sdkLane(line), sdkLane(line)]),
      streamLane(),
      streamLane(),
    ]);
    for (let time = 0; time < RESTARTS; time += 1) {
      const goal = acknowledged + 200;
      await until('some are acknowledged', () => acknowledged >= goal);
      assert.equal((await server.stop()).code, 0);
      server.relaunch();
      await server.ready();
    }
    isOver = true;
    await lanes;

    const query = { meter: meter.id, customer: 'c', start_time: timestamp };
    const counted = await total(server, { ...query, end_time: timestamp + DAY_S });
    assert.equal(counted, String(acknowledged));
    for (const refusal of refusals) assert.equal(refusal, '503 1');
    t.diagnostic(`${acknowledged} events over ${RESTARTS} restarts`);
  } finally {
    await server.remove();
  }
});
