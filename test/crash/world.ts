/** A data folder to torture, with its clients' ledger: it begins as the first version of Taximeter left it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { createMeter } from '../support/fixtures.ts';
import { unique, type Random } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import { newFolder, removeFolder, Server } from '../support/server.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import type { OldEvent } from './folder-of-version-1.ts';
import { Ledger, METERS, type MeterName } from './ledger.ts';
import { newEvent } from './load.ts';
import type { World } from './send.ts';

const OLD_EVENTS = 2000;
/** So few identifiers and keys in memory that sealing and merging them is part of every run. */
const ARGS = ['--session-minutes', '1440', '--identifiers-in-memory', '300'];

/** What a run begins with; the first version had no sessions, so there is no token yet. */
export async function newWorld(
  random: Random,
): Promise<{ readonly world: World; readonly folder: string }> {
  const server = await Server.start({ args: ARGS, folder: newFolder() });
  try {
    const meterIds = new Map<MeterName, string>();
    for (const [event_name, fields] of Object.entries(METERS)) {
      const meter = await createMeter(newClient(server), { event_name, ...fields });
      meterIds.set(event_name as MeterName, meter.id);
    }
    await server.stop();
    const world = { ledger: new Ledger(), random, startS: dayStart(4), meterIds, token: '' };
    addOldEvents(world);
    setBack(world, server.folder);
    return { world, folder: server.folder };
  } catch (error) {
    await server.kill();
    removeFolder(server.folder);
    throw error;
  }
}

/** Spawns a server on a copy of the folder. */
export function launchOnCopy(folder: string): Server {
  const copy = join(newFolder(), 'data');
  cpSync(folder, copy, { recursive: true });
  return Server.launch({ args: ARGS, folder: copy });
}

export async function removeCopy(server: Server): Promise<void> {
  await server.kill();
  removeFolder(join(server.folder, '..'));
}

/** They were acknowledged long ago. */
function addOldEvents(world: World): void {
  const { ledger, random, startS } = world;
  for (let n = 0; n < OLD_EVENTS; n += 1) {
    const meter = random.pick(Object.keys(METERS) as MeterName[]);
    const timestampS = startS + random.below(2 * DAY_S);
    const event = newEvent(world, meter, `old${n % 3}`, timestampS);
    const identifier = unique('old');
    ledger.events.push({ ...event, identifier, idempotencyKey: undefined, stored: true });
  }
}

function setBack({ ledger, meterIds }: World, folder: string): void {
  const input = ledger.events.map(
    ({ meter, customer, timestampS, identifier, value }): OldEvent => ({
      meterId: meterIds.get(meter) ?? '',
      customer,
      timestampS,
      identifier: identifier ?? '',
      value,
    }),
  );
  const script = new URL('folder-of-version-1.ts', import.meta.url).pathname;
  const { status, stderr } = spawnSync(process.execPath, [script, folder], {
    input: JSON.stringify(input),
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
}
