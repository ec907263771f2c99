/**
 * A data folder as a power cut within an insert can leave it: the plan is in the journal, and of its rows any parts have their
 * names. A kill cannot make all of these: a real server makes it whole, and the end of the insert is then taken back.
 */
import assert from 'node:assert/strict';
import { readdirSync, rmSync, truncateSync } from 'node:fs';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { copyOf, partsOf, type MadeFolder } from '../damage/made-folder.ts';
import { call, toForm } from '../support/http.ts';
import { cancelEvent, createMeter } from '../support/fixtures.ts';
import { newClient } from '../support/sdk.ts';
import { newFolder, removeFolder, Server } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';

export const TABLES = ['events', 'usage_hourly', 'cancellations', 'rejections'] as const;
const CUSTOMERS = ['cus_a', 'cus_b'];

export type OpenPlan = MadeFolder & {
  /** Where the rows of the plan are, and nothing else, as `events/202601`: two months of events and of the rollup. */
  readonly places: readonly string[];
};

/** The caller removes it. */
export async function makeOpenPlan(): Promise<OpenPlan> {
  const server = await Server.start({ folder: newFolder(), args: ['--past-days', '400'] });
  try {
    return await fill(server);
  } catch (error) {
    removeFolder(server.folder);
    throw error;
  } finally {
    await server.kill();
  }
}

async function fill(server: Server): Promise<OpenPlan> {
  const client = newClient(server);
  const { folder } = server;
  // A month and a little: two months, and not too old.
  const startS = dayStart(3);
  const meters = await Promise.all(
    (['sum', 'count', 'last'] as const).map((formula) => createMeter(client, { formula })),
  );
  const sent: object[] = [];
  const token = await openStream(server);
  const send = async (round: number, daysAgo: number, rejected: readonly object[]) => {
    const events = Array.from({ length: 60 }, (_, i) => ({
      event_name: meters[i % meters.length]!.event_name,
      identifier: `event_${round}_${i}`,
      timestamp: new Date(
        (startS - (daysAgo + (i % 2) * 31) * DAY_S + i * 900) * 1000,
      ).toISOString(),
      payload: { stripe_customer_id: CUSTOMERS[i % 4 === 0 ? 0 : 1]!, value: `${round + i}.25` },
    }));
    sent.push(...events);
    await tell(server, token, [...events, ...rejected]);
  };
  const queries = meters.flatMap(({ id }) =>
    CUSTOMERS.map((customer) => {
      return {
        meter: id,
        customer,
        start_time: startS - 300 * DAY_S,
        end_time: startS + 3 * DAY_S,
      };
    }),
  );
  // Each answer waits until all that was acknowledged is stored.
  const ask = async (): Promise<MadeFolder['asked']> =>
    await Promise.all(
      queries.map(async (query) => ({ query, answer: await total(server, query) })),
    );
  // Other months than those of the plan, whose parts are its own then, merged or not.
  await send(0, 200, []);
  await ask();
  const before = places(folder);
  await cancelEvent(client, meters[0]!, 'event_0_3');
  const keyed = { event_name: meters[1]!.event_name, idempotencyKey: 'the key' };
  await call(server, {
    method: 'POST',
    path: '/v1/billing/meter_events',
    body: toForm({
      event_name: keyed.event_name,
      'payload[stripe_customer_id]': 'cus_a',
      'payload[value]': '5',
    }),
    headers: { 'idempotency-key': keyed.idempotencyKey },
  });
  await send(1, 0, [{ event_name: 'unknown' }]);
  const asked = await ask();
  await server.kill();
  openPlanAgain(folder, 1);
  const own = places(folder).filter((place) => !before.includes(place));
  return { folder, asked, keyed, sent, places: own };
}

function places(folder: string): string[] {
  const all = TABLES.flatMap((table) =>
    partsOf(folder, table).map((part) => `${table}/${basename(part).split('_')[0]}`),
  );
  return [...new Set(all)];
}

/** Takes back that the flushes after the first ones were finished: what they moved is one open plan. */
function openPlanAgain(folder: string, finished: number): void {
  const db = new Database(join(folder, 'journal.db'));
  type Moved = { last_block: number; last_sequence: number };
  const moved = db.prepare<[], Moved>('SELECT * FROM moved ORDER BY last_block').all();
  const [last, next] = [moved[finished - 1]!, moved.at(-1)!];
  assert.ok(last.last_block < next.last_block);
  db.prepare('DELETE FROM moved WHERE last_block > ?').run(last.last_block);
  db.prepare('UPDATE journal SET moved_block = ?, flushed_sequence = ?').run(
    last.last_block,
    last.last_sequence,
  );
  db.prepare('INSERT INTO flush_plan (one, first_block, last_block) VALUES (1, ?, ?)').run(
    last.last_block + 1,
    next.last_block,
  );
  db.close();
}

export type Loss = {
  /** Places whose parts never got their names. */
  readonly places: readonly string[];
  /** How much of the engine's lists of tokens is there. */
  readonly listBytes: number;
};

/** A copy of which a power cut has taken this; the caller removes it. */
export function afterLoss(made: OpenPlan, { places: lost, listBytes }: Loss): string {
  const folder = copyOf(made);
  const parts = TABLES.flatMap((table) => partsOf(folder, table));
  for (const part of parts) {
    const isLost = lost.some((place) => part.includes(`/${place}_`));
    if (isLost) rmSync(part, { recursive: true });
  }
  for (const list of tokenLists(folder)) truncateSync(list, listBytes);
  return folder;
}

/** Of all tables that have one. */
export function tokenLists(folder: string): string[] {
  const data = join(folder, 'usage/data/default');
  return TABLES.map((table) => join(data, table, 'deduplication_logs')).flatMap((logs) =>
    readdirSync(logs).map((name) => join(logs, name)),
  );
}
