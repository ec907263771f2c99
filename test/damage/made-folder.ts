/**
 * A data folder that a real server has made, and what must come out of it whatever happens to its files: a server on a damaged
 * copy answers as before, answers with an error, or does not start and says which file it is and what to do.
 */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { call, toForm } from '../support/http.ts';
import { cancelEvent, createMeter, sendEvent } from '../support/fixtures.ts';
import { newClient } from '../support/sdk.ts';
import { newFolder, removeFolder, Server } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { parseExact, total, type SummaryPage, type SummaryQuery } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { V2_STREAM } from '../support/v2.ts';

const CUSTOMERS = ['cus_a', 'cus_b', 'cus_c'];
const EVENTS_A_ROUND = 60;

type Query = Omit<SummaryQuery, 'agent' | 'key'>;
type Asked = { readonly query: Query; readonly answer: string };

export type MadeFolder = {
  readonly folder: string;
  /** Every sum that the server has told. */
  readonly asked: readonly Asked[];
  /** An event that was sent with a key and no identifier: only its receipt tells a retry. */
  readonly keyed: { readonly event_name: string; readonly idempotencyKey: string };
  /** Events that were sent with identifiers. */
  readonly sent: readonly object[];
};

/** `end`: stopped in good order, or killed while the journal holds what came last. */
export async function makeFolder(end: 'stopped' | 'killed'): Promise<MadeFolder> {
  const server = await Server.start({ folder: newFolder() });
  try {
    return await fill(server, end);
  } catch (error) {
    await server.kill();
    removeFolder(server.folder);
    throw error;
  }
}

async function fill(server: Server, end: 'stopped' | 'killed'): Promise<MadeFolder> {
  const client = newClient(server);
  const startS = dayStart(4);
  const meters = await Promise.all(
    (['sum', 'count', 'last'] as const).map((formula) => createMeter(client, { formula })),
  );
  const sent: object[] = [];
  const round = async (number: number): Promise<void> => {
    const events = Array.from({ length: EVENTS_A_ROUND }, (_, i) => ({
      event_name: meters[i % meters.length]!.event_name,
      identifier: `event_${number}_${i}`,
      // Some of last month: another part.
      timestamp: new Date((startS - (i % 2) * 25 * DAY_S + i * 1700) * 1000).toISOString(),
      payload: { stripe_customer_id: CUSTOMERS[i % 4 === 0 ? 0 : i % 3]!, value: `${i}.25` },
    }));
    sent.push(...events);
    await tell(server, await openStream(server), [...events, { event_name: 'unknown' }]);
  };
  const queries = meters.flatMap(({ id }) =>
    CUSTOMERS.map((customer) => ({
      meter: id,
      customer,
      start_time: startS - 30 * DAY_S,
      end_time: startS + 3 * DAY_S,
    })),
  );
  const ask = async (): Promise<Asked[]> =>
    await Promise.all(
      queries.map(async (query) => ({ query, answer: await total(server, query) })),
    );
  for (let number = 0; number < 3; number += 1) {
    await round(number);
    await ask();
  }
  await cancelEvent(client, meters[0]!, 'event_1_3');
  const keyed = { event_name: meters[1]!.event_name, idempotencyKey: 'the key' };
  await sendKeyed(server, keyed);
  await round(3);
  const asked = await ask();
  if (end === 'stopped') {
    assert.equal((await server.stop()).code, 0);
  } else {
    // Of the customer of no query, so that all sums stay as they were told; the journal holds them.
    for (let i = 0; i < 20; i += 1) {
      await sendEvent(client, meters[0]!, { customer: 'cus_last', value: '1' });
    }
    await server.kill();
    const [meter] = meters;
    const query = {
      ...queries[0]!,
      meter: meter!.id,
      customer: 'cus_last',
      end_time: startS + 30 * DAY_S,
    };
    asked.push({ query, answer: '20' });
  }
  return { folder: server.folder, asked, keyed, sent };
}

async function sendKeyed(
  server: { readonly url: string },
  { event_name, idempotencyKey }: MadeFolder['keyed'],
): Promise<{ status: number }> {
  return await call(server, {
    method: 'POST',
    path: '/v1/billing/meter_events',
    body: toForm({
      event_name,
      'payload[stripe_customer_id]': 'cus_a',
      'payload[value]': '5',
    }),
    headers: { 'idempotency-key': idempotencyKey },
  });
}

export type Outcome = 'as before' | 'errors' | 'refused' | `wrong: ${string}`;

/** A copy to damage; the caller removes it. */
export function copyOf(made: Pick<MadeFolder, 'folder'>): string {
  const copy = newFolder();
  cpSync(made.folder, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

/**
 * Starts a server on the folder, asks for every sum and sends again what was sent; removes the folder. `look` is called when it
 * listens.
 */
export async function judge(
  made: MadeFolder,
  folder: string,
  look: (server: Server) => void = () => undefined,
): Promise<Outcome> {
  const server = Server.launch({ folder });
  try {
    const started = await server.ready().then(
      () => true,
      () => false,
    );
    if (!started) return judgeRefusal((await server.exited).stderr);
    look(server);
    const first = await askAgain(server, made.asked);
    if (first !== 'as before') return first;
    await sendAgain(server, made);
    const second = await askAgain(server, made.asked);
    return second.startsWith('wrong') ? `wrong: sent again, ${second}` : second;
  } finally {
    await server.kill();
    removeFolder(folder);
  }
}

/** It names what it is about, says what to do, and is no stack. */
function judgeRefusal(stderr: string): Outcome {
  const lines = stderr.trimEnd().split('\n');
  const message = lines.findLast((line) => !line.startsWith('{')) ?? '';
  const names = /journal|catalog|usage\b/u.test(message);
  const says = /restore|start (?:once|that version)/iu.test(message);
  return names && says ? 'refused' : `wrong: it says no more than ${stderr.slice(0, 500)}`;
}

async function askAgain(server: Server, asked: readonly Asked[]): Promise<Outcome> {
  let outcome: Outcome = 'as before';
  for (const { query, answer } of asked) {
    const { meter, ...fields } = query;
    const reply = await call(server, {
      path: `/v1/billing/meters/${meter}/event_summaries?${toForm({ ...fields })}`,
    });
    if (reply.status !== 200) {
      outcome = 'errors';
      continue;
    }
    const { data } = parseExact(reply.text) as SummaryPage;
    const found = data[0]?.aggregated_value ?? '0';
    if (found !== answer) return `wrong: ${query.customer} has ${found}, not ${answer}`;
  }
  return outcome;
}

/** Whatever is answered: if it is taken as new, sums change. */
async function sendAgain(server: Server, { sent, keyed }: MadeFolder): Promise<void> {
  await sendKeyed(server, keyed);
  const session = await call(server, {
    method: 'POST',
    path: '/v2/billing/meter_event_session',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  const { authentication_token } = JSON.parse(session.text) as { authentication_token?: string };
  for (let from = 0; from < sent.length; from += 100) {
    await call(server, {
      method: 'POST',
      path: V2_STREAM,
      key: authentication_token ?? '',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ events: sent.slice(from, from + 100) }),
    });
  }
}

/** Every file with something in it, with a path from the folder; those of tables by the links that name the tables. */
export function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith('usage/store/') && statSync(join(folder, file)).size > 0)
    .toSorted();
}

/** The folders of a table's parts. */
export function partsOf(folder: string, table: string): string[] {
  const data = join(folder, 'usage/data/default', table);
  return readdirSync(data)
    .filter((name) => /^\w+_\d+_\d+_\d+$/u.test(name))
    .map((name) => join(data, name));
}

export function removeMade({ folder }: MadeFolder): void {
  rmSync(folder, { recursive: true });
}
