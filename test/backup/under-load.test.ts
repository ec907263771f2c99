/**
 * A server under load is backed up twice, the second time on the base of the first. Each backup holds exactly what stands up
 * to its sequence: all that was acknowledged before it was asked for, nothing that was sent after it was done. Restored and
 * sent everything once more, it ends where the original did.
 */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { newRandom } from '../support/random.ts';
import { newFolder, removeFolder, runCli, Server } from '../support/server.ts';
import { readStored } from '../support/stored.ts';
import { dayStart } from '../support/times.ts';
import { until } from '../support/wait.ts';
import { Ledger, type Mark } from './ledger.ts';
import {
  checkUsage,
  createMeters,
  keepBusy,
  sendAllAgain,
  sendHistory,
  type World,
} from './load.ts';

const EVENTS_BETWEEN = Number(process.env['TAXIMETER_BACKUP_EVENTS'] ?? '1000');

type Made = {
  readonly folder: string;
  readonly sequence: number;
  readonly before: Mark;
  readonly after: Mark;
};

test('backups under load hold exactly what their sequence says', async (t) => {
  const random = newRandom();
  t.diagnostic(`seed ${random.seed} (TAXIMETER_SEED repeats its draws)`);
  const backups = newFolder();
  const server = await Server.start({
    args: ['--past-days', '100', '--stream-events-max', '10000'],
  });
  try {
    const meterIds = await createMeters(server);
    const world: World = { ledger: new Ledger(), random, startS: dayStart(4), meterIds };
    await sendHistory(world, server);
    const stop = await keepBusy(world, server);
    await acknowledged(world);
    const first = await backUp(t, world, server, join(backups, 'first'));
    await acknowledged(world);
    const second = await backUp(t, world, server, join(backups, 'second'), first.folder);
    await acknowledged(world);
    await stop();
    await checkUsage(world, server, (event) => event.cancel === 'no');
    assert.equal((await server.stop()).code, 0);
    assert.ok(second.sequence > first.sequence);
    assert.ok(sharedBytes(first.folder, second.folder) > 0, 'the second one shares files');
    const sequences = await storedEvents(server.folder);
    for (const made of [first, second]) await checkRestored(world, made, sequences);
  } finally {
    await server.remove();
    removeFolder(backups);
  }
});

async function acknowledged({ ledger }: World): Promise<void> {
  const enough = ledger.acknowledged + EVENTS_BETWEEN;
  await until('events are acknowledged', () => ledger.acknowledged >= enough);
}

async function backUp(
  t: TestContext,
  { ledger }: World,
  server: Server,
  folder: string,
  base?: string,
): Promise<Made> {
  const before = ledger.mark();
  const flags = base === undefined ? [] : ['--base', base];
  const exit = await runCli(['backup', '--to', folder, '--data', server.folder, ...flags]);
  const after = ledger.mark();
  assert.equal(exit.code, 0, exit.stderr);
  t.diagnostic(exit.stdout.trim());
  const sequence = Number(/stands at sequence (\d+)/u.exec(exit.stdout)?.[1]);
  return { folder, sequence, before, after };
}

async function checkRestored(
  world: World,
  { folder: from, sequence, before, after }: Made,
  sequences: ReadonlyMap<string, number>,
): Promise<void> {
  const parent = newFolder();
  const folder = join(parent, 'restored');
  const exit = await runCli(['restore', '--from', from, '--data', folder]);
  assert.equal(exit.code, 0, exit.stderr);
  const held = await storedEvents(folder);
  const upToIt = [...sequences].filter(([, at]) => at <= sequence);
  assert.deepEqual(held, new Map(upToIt), 'all up to the sequence, and nothing else');
  assert.ok(Math.max(...held.values()) === sequence);
  isBetween(before.acknowledged, new Set(held.keys()), after.sent);
  const cancelled = new Set(
    (await readStored<[string]>(folder, 'SELECT identifier FROM cancellations')).map(([id]) => id),
  );
  isBetween(before.cancelsAcknowledged, cancelled, after.cancelsSent);

  const server = await Server.start({ folder, args: ['--past-days', '100'] });
  try {
    await checkUsage(
      world,
      server,
      ({ identifier }) => held.has(identifier) && !cancelled.has(identifier),
    );
    const fresh = await sendAllAgain(world, server);
    const missing = world.ledger.events.filter(({ identifier }) => !held.has(identifier));
    assert.deepEqual(fresh, new Set(missing.map(({ identifier }) => identifier)));
    await checkUsage(world, server, (event) => event.cancel === 'no');
    assert.equal((await server.stop()).code, 0);
    const audit = await runCli(['audit', '--data', folder]);
    assert.equal(audit.code, 0, audit.stdout + audit.stderr);
  } finally {
    await server.remove();
    removeFolder(parent);
  }
}

/** In the order of arrival. */
async function storedEvents(folder: string): Promise<Map<string, number>> {
  const sql = 'SELECT identifier, sequence FROM events ORDER BY sequence';
  return new Map(await readStored<[string, number]>(folder, sql));
}

function isBetween(
  least: ReadonlySet<string>,
  found: ReadonlySet<string>,
  most: ReadonlySet<string>,
): void {
  assert.deepEqual(
    [...least].filter((id) => !found.has(id)),
    [],
    'acknowledged before, and not in it',
  );
  assert.deepEqual(
    [...found].filter((id) => !most.has(id)),
    [],
    'in it, and sent after it was done',
  );
}

/** Of the files of two folders, those that are one. */
function sharedBytes(...folders: [string, string]): number {
  const [one, other] = folders.map((folder) =>
    readdirSync(folder, { recursive: true }).map((path) => statSync(join(folder, String(path)))),
  );
  const inodes = new Set(one!.filter((stat) => stat.isFile()).map(({ ino }) => ino));
  return other!.filter(({ ino }) => inodes.has(ino)).reduce((sum, { size }) => sum + size, 0);
}
