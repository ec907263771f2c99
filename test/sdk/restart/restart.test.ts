/**
 * What a restart is to stripe-go, which of the official SDKs forgives least: no error that it can read is ever tried again, of
 * whatever status. Eight clients, half of their events without an identifier, under stops, kills, and kills of a start.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createMeter } from '../../support/fixtures.ts';
import { freePort } from '../../support/free-port.ts';
import { newRandom } from '../../support/random.ts';
import { newClient } from '../../support/sdk.ts';
import { newFolder, removeFolder, Server, TEST_KEY } from '../../support/server.ts';
import { total } from '../../support/summaries.ts';
import { DAY_S, dayStart } from '../../support/times.ts';
import { pause, until } from '../../support/wait.ts';
import { prepareGo } from '../programs.ts';
import { Rider } from './rider.ts';

const tools = newFolder();
after(() => removeFolder(tools));

const ROUNDS = 3;
/** Between two ends of a server. */
const ACKNOWLEDGED = 100;
/** Before a start is killed: while node starts, while it holds requests, or just after. */
const START_KILL_MS = 600;

test('no call of stripe-go fails over restarts and kills, and each event is counted once', async (t) => {
  const program = await prepareGo(join(import.meta.dirname, 'go'), tools);
  if ('reason' in program) return t.skip(program.reason);
  const random = newRandom();
  const server = await Server.start({ args: ['--port', String(await freePort())] });
  let rider: Rider | undefined;
  try {
    const meter = await createMeter(newClient(server), { formula: 'sum' });
    const timestamp = dayStart(1);
    rider = new Rider(program, [server.url, TEST_KEY, meter.event_name, String(timestamp)]);
    for (let round = 0; round < ROUNDS; round += 1) {
      await moreAcknowledged(rider);
      assert.equal((await server.stop()).code, 0);
      await server.restart();
      await moreAcknowledged(rider);
      await server.kill();
      server.relaunch();
      await pause(random.below(START_KILL_MS));
      await server.kill();
      await server.restart();
    }
    await moreAcknowledged(rider);
    const { acknowledged, failed } = await rider.end();
    assert.deepEqual(failed, {});
    const query = { meter: meter.id, customer: 'c', start_time: timestamp };
    const counted = await total(server, { ...query, end_time: timestamp + DAY_S });
    assert.equal(counted, String(acknowledged));
    t.diagnostic(
      `${acknowledged} events over ${ROUNDS} restarts and ${2 * ROUNDS} kills, seed ${random.seed}`,
    );
  } finally {
    rider?.kill();
    await server.remove();
  }
});

async function moreAcknowledged(rider: Rider): Promise<void> {
  const goal = rider.acknowledged + ACKNOWLEDGED;
  await until('some are acknowledged', () => rider.acknowledged >= goal);
}
