/** A server on what a power cut has left, held against what the client knew then. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../support/random.ts';
import { runCli, Server } from '../support/server.ts';
import { inParallel } from '../support/wait.ts';
import {
  countsOf,
  customerOf,
  EVENTS_A_CUSTOMER,
  listAll,
  METER,
  sendAgain,
  type ShownMeter,
} from './calls.ts';
import type { Ledger, Named } from './ledger.ts';
import { judgeOld } from './old-events.ts';

/** As of another boot of the machine, which it is: here it was not the machine that lost its power. */
const ANOTHER_BOOT = '01234567-89ab-cdef-0123-456789abcdef\n';
const ARGS = ['--disk-reserve-bytes', '0', '--webhook-allow-private', '--log-level', 'warn'];

export type Verdict = {
  /** Each is a broken promise; empty when all hold. */
  readonly faults: readonly string[];
  /** What the server warned of. */
  readonly warnings: readonly string[];
};

/** `disk`: where the image is mounted. */
export async function judge(disk: string, ledger: Ledger, random: Random): Promise<Verdict> {
  const folder = join(disk, 'data');
  if (!existsSync(folder)) {
    const isFault = ledger.of['meter made'].size > 0;
    return { faults: isFault ? ['the data folder is gone'] : [], warnings: [] };
  }
  const faults: string[] = [];
  const stderr = await withServer(folder, faults, async (server) => {
    // What was acknowledged and is taken once more had been lost: so the sums before it can mostly be left out.
    if (random.chance(0.2)) faults.push(...(await compare(server, ledger, 'acknowledged')));
    const { sent, acknowledged } = ledger.of;
    const taken = await sendAgain(server, [...sent].map(Number), ledger.nowS ?? 0);
    const lost = taken.filter((n) => acknowledged.has(n));
    if (lost.length > 0) faults.push(`lost: ${lost.length} events, as e${lost[0]}`);
    faults.push(...(await compare(server, ledger, 'sent')));
  });
  // By what the journal keeps, which has a bound: with more events it would have been lost.
  if (/was repaired/u.test(stderr)) faults.push(stderr);
  if (faults.length === 0 && random.chance(0.3)) await audit(folder, faults);
  await judgeCopies(disk, ledger, random, faults);
  return { faults, warnings: stderr.split('\n').filter((line) => line.includes('"warn"')) };
}

/** A backup that is finished is whole and on disk, and so is a restored folder. */
async function judgeCopies(
  disk: string,
  ledger: Ledger,
  random: Random,
  faults: string[],
): Promise<void> {
  const there = readdirSync(disk);
  for (const name of [...ledger.of['backup made'], ...ledger.of['restore made']]) {
    if (!there.includes(String(name))) faults.push(`${name} was made, and is gone`);
  }
  const backup = there.find((name) => name.endsWith('backup'));
  const restored = there.find((name) => name.endsWith('restored'));
  if (restored !== undefined && ledger.of['restore made'].has(restored) && random.chance(0.15)) {
    await judgeCopy(join(disk, restored), restored.replace('restored', 'backup'), ledger, faults);
  } else if (backup !== undefined && random.chance(0.15)) {
    const copy = join(disk, 'judged');
    const exit = await runCli(['restore', '--from', join(disk, backup), '--data', copy]);
    if (exit.code !== 0) faults.push(`${backup}: ${exit.stderr}`);
    else await judgeCopy(copy, backup, ledger, faults);
  }
}

/** All that was acknowledged before the backup was asked for is in it, and nothing that was not sent. */
async function judgeCopy(
  folder: string,
  backup: Named,
  ledger: Ledger,
  faults: string[],
): Promise<void> {
  const acknowledged = ledger.backedUp.get(backup);
  if (acknowledged === undefined) return;
  await withServer(folder, faults, async (server) => {
    const found = await countAll(server, ledger);
    if (found === undefined) return void faults.push(`${folder} has no meter`);
    for (const n of acknowledged) {
      const times = found.counts.get(Number(n)) ?? 0;
      if (ledger.of.cancel.has(n) || times === 1) continue;
      faults.push(`of ${folder}: event ${n} counts ${times} times`);
      return;
    }
  });
}

/** Answers what it wrote to stderr. It must start, and stop. */
async function withServer(
  folder: string,
  faults: string[],
  work: (server: Server) => Promise<void>,
): Promise<string> {
  const note = join(folder, 'last-boot');
  if (existsSync(note)) writeFileSync(note, ANOTHER_BOOT);
  const server = Server.launch({ folder, args: ARGS });
  try {
    await server.ready();
    await work(server);
    const { code } = await server.stop();
    if (code !== 0) faults.push(`the stop ended with ${code}: ${server.stderr}`);
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  } finally {
    await server.kill();
  }
  return server.stderr;
}

async function audit(folder: string, faults: string[]): Promise<void> {
  const { code, stdout, stderr } = await runCli(['audit', '--data', folder]);
  if (code !== 0) faults.push(`audit: ${stdout} ${stderr}`);
}

/** What is wrong, when all of these events must count. */
async function compare(
  server: Server,
  ledger: Ledger,
  expected: 'acknowledged' | 'sent',
): Promise<string[]> {
  const faults = [...(await compareMeters(server, ledger)), ...(await compareAlerts(server))];
  const found = await countAll(server, ledger);
  if (found === undefined) {
    return ledger.of.sent.size > 0 ? [...faults, 'the meter of all events is gone'] : faults;
  }
  faults.push(...(await judgeOld(server, found.meter, ledger)));
  const { sent, cancel, cancelled } = ledger.of;
  const wrong = { lost: [] as number[], doubled: [] as number[], 'never sent': [] as number[] };
  const cancelledAndCounted: number[] = [];
  for (const [n, times] of found.counts) {
    if (times > 1) wrong.doubled.push(n);
    if (times > 0 && !sent.has(n)) wrong['never sent'].push(n);
    if (times > 0 && cancelled.has(n)) cancelledAndCounted.push(n);
    if (times === 0 && ledger.of[expected].has(n) && !cancel.has(n)) wrong.lost.push(n);
  }
  for (const [what, numbers] of Object.entries({
    ...wrong,
    'cancelled and counted': cancelledAndCounted,
  })) {
    if (numbers.length > 0) faults.push(`${what}: ${numbers.length} events, as e${numbers[0]}`);
  }
  return faults;
}

type Counted = { readonly meter: string; readonly counts: ReadonlyMap<number, number> };

/** How often each event counts, by its number; undefined without the meter. */
async function countAll(server: Server, ledger: Ledger): Promise<Counted | undefined> {
  const meters = await listAll<ShownMeter>(server, '/v1/billing/meters');
  const meter = meters.find(({ event_name }) => event_name === METER)?.id;
  if (meter === undefined) return undefined;
  const firsts = Array.from(
    { length: Math.ceil(ledger.end / EVENTS_A_CUSTOMER) },
    (_, i) => i * EVENTS_A_CUSTOMER,
  );
  const counts = await inParallel(firsts, 8, async (first) => {
    const customer = customerOf(first);
    return await countsOf(server, { meter, customer, nowS: ledger.nowS ?? 0 });
  });
  // What is over after the last place counts for none of the 24: it is told of as if it were the first.
  const byNumber = new Map(
    counts.flatMap((places, i) =>
      places
        .slice(0, EVENTS_A_CUSTOMER)
        .map((times, place): [number, number] => [
          firsts[i]! + place,
          place === 0 ? times + places[EVENTS_A_CUSTOMER]! * 4 : times,
        ]),
    ),
  );
  return { meter, counts: byNumber };
}

/** Each meter is there once, if it was made, and was told of once. */
async function compareMeters(server: Server, ledger: Ledger): Promise<string[]> {
  const faults: string[] = [];
  const meters = await listAll<ShownMeter>(server, '/v1/billing/meters');
  const events = await listAll<{ id: string; data: { object: ShownMeter } }>(server, '/v1/events', {
    type: 'billing.meter.created',
  });
  const there = timesOf(meters.map(({ event_name }) => event_name));
  const told = timesOf(events.map(({ data }) => data.object.event_name));
  for (const name of ledger.of['meter made']) {
    if (!there.has(String(name))) faults.push(`the meter ${name} was made, and is gone`);
  }
  for (const [name, times] of there) {
    if (times !== 1) faults.push(`the meter ${name} is there ${times} times`);
    if (!ledger.of.meter.has(name)) faults.push(`the meter ${name} was never asked for`);
    // What was told of longer than a month ago is not kept.
    const isOld = name === METER && ledger.of.old.size > 0;
    if (told.get(name) !== 1 && !isOld)
      faults.push(`the meter ${name} was told of ${told.get(name) ?? 0} times`);
  }
  return faults;
}

type Triggered = {
  readonly id: string;
  readonly data: {
    readonly object: { readonly alert: { readonly id: string }; readonly customer: string };
  };
};

/** An alert is told of at most once for a customer. */
async function compareAlerts(server: Server): Promise<string[]> {
  const type = 'billing.alert.triggered';
  const events = await listAll<Triggered>(server, '/v1/events', { type });
  const names = events.map(({ data: { object } }) => `${object.alert.id} of ${object.customer}`);
  return [...timesOf(names)]
    .filter(([, times]) => times > 1)
    .map(([name, times]) => `the alert ${name} was told of ${times} times`);
}

function timesOf(names: readonly string[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const name of names) times.set(name, (times.get(name) ?? 0) + 1);
  return times;
}
