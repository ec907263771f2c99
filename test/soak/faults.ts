/** What befalls the server of a soak, one thing at a time. Each ends with a server that is whole. */
import type { DiskFaults } from '../support/disk-faults.ts';
import { pause } from '../support/wait.ts';
import { newEvent, sendBatch, type Lane } from './lane.ts';
import type { World } from './world.ts';

/** Large enough that no lane fills it by itself, and small enough to be filled in seconds. */
export const JOURNAL_BYTES_MAX = 2_000_000;
export const STOP_SECONDS = 5;
const FLOOD_BATCH = 90;
const FLOOD_WIDTH = 4;
const FLOOD_LIMIT_MS = 30_000;

type Fault = (world: World, disk: DiskFaults, flood: Lane) => Promise<void>;

/** Those that the process outlives. */
export const SURVIVED: Readonly<Record<string, Fault>> = {
  'SIGSTOP, SIGCONT': async ({ server, random }) => {
    process.kill(server.pid, 'SIGSTOP');
    await pause(500 + random.below(8000));
    process.kill(server.pid, 'SIGCONT');
  },
  'slow syncs': async ({ random }, disk) => {
    disk.slow(2 + random.below(150));
    await pause(2000 + random.below(15_000));
    disk.end();
  },
  'usage store hangs': async ({ random }, disk) => {
    disk.hang();
    await pause(500 + random.below(12_000));
    disk.end();
  },
  'usage store hangs until the journal is full': fillJournal,
};

/** Those that it does not. */
const FATAL: Readonly<Record<string, Fault>> = {
  'kill -9': kill,
  'kill -9 while it starts': async (world, disk, flood) => {
    await kill(world, disk, flood, async () => {
      await pause(world.random.below(500));
      await world.server.kill();
      world.server.relaunch();
    });
  },
  'kill -9 while syncs are slow': async (world, disk, flood) => {
    disk.slow(50);
    await pause(world.random.below(2000));
    await kill(world, disk, flood);
  },
  'kill -9 while the usage store hangs': async (world, disk, flood) => {
    disk.hang();
    await pause(world.random.below(4000));
    await kill(world, disk, flood);
  },
  SIGTERM: async (world) => {
    const { code, stderr } = await world.server.stop();
    if (code !== 0) world.differs(`a clean stop ended with ${code}: ${stderr}`);
    await world.server.restart();
  },
  'SIGTERM while the usage store hangs': async (world, disk) => {
    const { server } = world;
    disk.hang();
    await pause(1000);
    process.kill(server.pid, 'SIGTERM');
    const { stderr } = await server.exited;
    if (!stderr.includes('Stopping')) world.differs(`a stop beside a hung store: ${stderr}`);
    disk.end();
    await server.restart();
  },
};

export const ALL: Readonly<Record<string, Fault>> = { ...SURVIVED, ...FATAL };

async function kill(
  { server }: World,
  disk: DiskFaults,
  _flood: Lane,
  meanwhile: () => Promise<void> = async () => {},
): Promise<void> {
  await server.kill();
  disk.end();
  server.relaunch();
  await meanwhile();
  await server.ready();
}

/** Until a write is refused; all that is under way is settled afterwards. */
async function fillJournal(world: World, disk: DiskFaults, flood: Lane): Promise<void> {
  const refusedBefore = world.retries.tooMuch;
  const limit = performance.now() + FLOOD_LIMIT_MS;
  const isFull = (): boolean =>
    world.retries.tooMuch > refusedBefore || performance.now() > limit || world.isOver;
  disk.hang();
  const senders = Array.from({ length: FLOOD_WIDTH }, async () => {
    while (!isFull()) {
      const events = Array.from({ length: FLOOD_BATCH }, () => newEvent(world, flood));
      // The order in which these arrive is not known: only what does not depend on it.
      await sendBatch(
        world,
        flood,
        events.map((event) => ({ ...event, meter: 'soak_sum' })),
      );
    }
  });
  while (!isFull()) await pause(100);
  disk.end();
  await Promise.all(senders);
  if (world.retries.tooMuch === refusedBefore && !world.isOver)
    world.differs('no write was refused');
}
