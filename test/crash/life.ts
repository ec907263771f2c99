/** One life of the server: clients of every kind at once, until it is killed under them. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import type { Server } from '../support/server.ts';
import { pause } from '../support/wait.ts';
import { DELAY_MS, watchFor, type Moment } from './kill.ts';
import { catalogLane, freeLane, orderedLane } from './load.ts';
import { Lost, type Life, type World } from './send.ts';
import { orderedStreamLane, streamLane } from './stream-load.ts';

/** Events acknowledged before a kill are drawn below this. */
const ACKS_MAX = 200;
/** Whether or not the moment has come. */
const LIFE_LIMIT_MS = 1000;

/**
 * Puts the server under load, kills it in this moment, and waits until every client has noticed. Answers what was
 * hit: `load` when the moment did not come, and undefined when the server was asked to stop and had done so before.
 */
export async function live(
  world: World,
  server: Server,
  moment: Moment,
): Promise<Moment | undefined> {
  const { random } = world;
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  let ended: Promise<Moment | undefined> | undefined;
  const end = (hit: Moment): void => {
    ended ??= endIn(hit, random.below(DELAY_MS[hit]));
  };
  const endIn = async (hit: Moment, afterMs: number): Promise<Moment | undefined> => {
    if (hit === 'shutdown') {
      life.isStopping = true;
      process.kill(server.pid, 'SIGTERM');
    }
    await pause(afterMs);
    const { code, signal, stderr } = await server.kill();
    if (signal === 'SIGKILL') return hit;
    assert.equal(code, 0, stderr);
    return undefined;
  };
  // Often soon after the start, else somewhere under load; the others wait for their sign.
  let acksLeft = random.chance(0.25) ? random.below(8) : random.below(ACKS_MAX);
  const life: Life = {
    url: server.url,
    agent,
    isStopping: false,
    onAck: () => {
      acksLeft -= 1;
      if (acksLeft <= 0 && (moment === 'load' || moment === 'shutdown')) end(moment);
    },
  };
  const unwatch = watchFor(moment, server.folder, () => end(moment));
  // What ended it before is not changed by that.
  void pause(LIFE_LIMIT_MS).then(() => end('load'));
  const ends = await Promise.allSettled(lanes(world, life));
  unwatch();
  agent.destroy();
  for (const lane of ends) {
    if (lane.status === 'rejected' && !(lane.reason instanceof Lost)) throw lane.reason;
  }
  assert.ok(ended !== undefined, `the server died on its own: ${server.stderr}`);
  return await ended;
}

function lanes(world: World, life: Life): Promise<void>[] {
  return [
    ...Array.from(
      { length: 8 },
      async (_, n) => await freeLane(world, life, [`free${n % 3}`, 'shared']),
    ),
    ...Array.from({ length: 4 }, async (_, n) => await orderedLane(world, life, `ordered${n}`)),
    ...Array.from({ length: 3 }, async (_, n) => await streamLane(world, life, `batched${n}`)),
    ...[4, 5].map(async (n) => await orderedStreamLane(world, life, `ordered${n}`)),
    catalogLane(world, life),
  ];
}
