/** Events of a month that is pruned while the power goes: whole hours of it count what they did, whatever is there of the prune. */
import assert from 'node:assert/strict';
import { cancelEvent } from '../support/fixtures.ts';
import { newClient } from '../support/sdk.ts';
import { runCli, type Server } from '../support/server.ts';
import { DAY_S, HOUR_S } from '../support/times.ts';
import { total } from '../support/summaries.ts';
import { METER, makeMeter } from './calls.ts';
import type { RecordedDisk } from './disk.ts';
import { noteOf, type Kind, type Ledger } from './ledger.ts';

/** By the clock of the server that takes them: long enough ago that nothing needs them any more. */
export const OLD_S = 70 * DAY_S;
/** Nothing that came since can be of a month before this. */
const PRUNED_S = 36 * DAY_S;
const EVENTS = 24;
/** Of an hour that has others too. */
const CANCELLED = 5;

/** What must be counted of them. */
function expected(): bigint {
  return Array.from({ length: EVENTS }, (_, n) => (n === CANCELLED ? 0n : 4n ** BigInt(n))).reduce(
    (sum, value) => sum + value,
  );
}

function timeOf(n: number, nowS: number): number {
  return nowS - OLD_S - (n % 3) * 1500;
}

function tell(disk: RecordedDisk, ledger: Ledger, kind: Kind): void {
  const line = noteOf(kind, ['old']);
  ledger.take(line);
  disk.note(line);
}

/** On a server whose clock is `OLD_S` behind. */
export async function sendOld(disk: RecordedDisk, server: Server, ledger: Ledger, nowS: number) {
  disk.note(JSON.stringify({ nowS }));
  ledger.take(JSON.stringify({ nowS }));
  for (const kind of ['meter', 'meter made'] as const) {
    if (kind === 'meter made') await makeMeter(server, METER, 'sum');
    ledger.take(noteOf(kind, [METER]));
    disk.note(noteOf(kind, [METER]));
  }
  const client = newClient(server);
  for (let n = 0; n < EVENTS; n += 1) {
    await client.billing.meterEvents.create({
      event_name: METER,
      identifier: `old${n}`,
      timestamp: timeOf(n, nowS),
      payload: { stripe_customer_id: 'old', value: String(4n ** BigInt(n)) },
    });
  }
  await cancelEvent(client, { event_name: METER }, `old${CANCELLED}`);
  tell(disk, ledger, 'old');
}

export async function pruneOld(disk: RecordedDisk, server: Server, ledger: Ledger): Promise<void> {
  const month = new Date(((ledger.nowS ?? 0) - PRUNED_S) * 1000).toISOString().slice(0, 7);
  tell(disk, ledger, 'prune');
  const args = ['prune', '--before', `${month}-01`, '--yes', '--data', server.folder];
  const { code, stdout, stderr } = await runCli(args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /They are dropped/u);
  tell(disk, ledger, 'pruned');
}

/** What is wrong with them, if they had been acknowledged. */
export async function judgeOld(server: Server, meter: string, ledger: Ledger): Promise<string[]> {
  if (!ledger.of.old.has('old')) return [];
  const startS = Math.floor(timeOf(2, ledger.nowS ?? 0) / HOUR_S) * HOUR_S;
  const range = { start_time: startS, end_time: startS + 3 * HOUR_S };
  const found = await total(server, { meter, customer: 'old', ...range });
  return BigInt(found) === expected()
    ? []
    : [`the old events are worth ${found}, not ${expected()}`];
}
