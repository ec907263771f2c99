/**
 * What the clients of a recording send and read. Event n counts for a customer of 24 events, and is worth 4 to the power of its
 * place there: one sum tells of each of them how often it counts. Every other one is of another month, so that an insert has
 * two parts a table.
 */
import assert from 'node:assert/strict';
import { call, toForm, type Answer } from '../support/http.ts';
import type { Server } from '../support/server.ts';
import { openStream, postStream, TELL, type Told } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S } from '../support/times.ts';

/** Of the meter that all events are sent to. */
export const METER = 'counted';
export const EVENTS_A_CUSTOMER = 24;
/** A month at most ago, and within the 35 days. */
const EARLIER_S = 30 * DAY_S;
const UNKNOWN = { event_name: 'of_no_meter', payload: { stripe_customer_id: 'c', value: '1' } };

type Where = Pick<Server, 'url' | 'host' | 'port'>;

export function customerOf(n: number): string {
  return `c${Math.floor(n / EVENTS_A_CUSTOMER)}`;
}

export function fieldsOf(n: number, nowS: number) {
  return {
    event_name: METER,
    identifier: `e${n}`,
    timestamp: nowS - (n % 2) * EARLIER_S,
    payload: {
      stripe_customer_id: customerOf(n),
      value: String(4 ** (n % EVENTS_A_CUSTOMER)),
    },
  };
}

export async function sendOne(server: Where, n: number, nowS: number): Promise<Answer> {
  const { payload, ...fields } = fieldsOf(n, nowS);
  const body = {
    ...fields,
    'payload[stripe_customer_id]': payload.stripe_customer_id,
    'payload[value]': payload.value,
  };
  return await call(server, { path: '/v1/billing/meter_events', body });
}

/** With an event that is rejected, if asked for: it is a row too. */
export async function sendMany(
  server: Where,
  token: string,
  {
    numbers,
    nowS,
    hasRejected,
  }: { numbers: readonly number[]; nowS: number; hasRejected: boolean },
): Promise<Answer> {
  const events = numbers.map((n) => {
    const fields = fieldsOf(n, nowS);
    return { ...fields, timestamp: new Date(fields.timestamp * 1000).toISOString() };
  });
  return await postStream(server, token, hasRejected ? [...events, UNKNOWN] : events, TELL);
}

/** Sends them all again. Answers those that were new; they must all be taken or known. */
export async function sendAgain(
  server: Where,
  numbers: readonly number[],
  nowS: number,
): Promise<readonly number[]> {
  const token = await openStream(server);
  const taken: number[] = [];
  for (let from = 0; from < numbers.length; from += 100) {
    const some = numbers.slice(from, from + 100);
    const answer = await sendMany(server, token, { numbers: some, nowS, hasRejected: false });
    assert.equal(answer.status, 200, answer.text);
    const told = JSON.parse(answer.text) as Told;
    assert.equal(told.rejected, 0, answer.text);
    taken.push(...some.filter((_, place) => told.results[place]?.status === 'accepted'));
  }
  return taken;
}

export async function cancel(server: Where, n: number): Promise<Answer> {
  const body = { type: 'cancel', event_name: METER, 'cancel[identifier]': `e${n}` };
  return await call(server, { path: '/v1/billing/meter_event_adjustments', body });
}

export async function makeMeter(
  server: Where,
  name: string,
  formula: 'sum' | 'count',
): Promise<Answer> {
  const body = { display_name: name, event_name: name, 'default_aggregation[formula]': formula };
  return await call(server, { path: '/v1/billing/meters', body });
}

/** All objects of a list of v1. */
export async function listAll<T extends { readonly id: string }>(
  server: Where,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const last = all.at(-1);
    const page = last === undefined ? {} : { starting_after: last.id };
    const answer = await call(server, {
      path: `${path}?${toForm({ ...query, limit: 100, ...page })}`,
    });
    assert.equal(answer.status, 200, answer.text);
    const { data, has_more } = JSON.parse(answer.text) as { data: T[]; has_more: boolean };
    all.push(...data);
    if (!has_more) return all;
  }
}

export type ShownMeter = { readonly id: string; readonly event_name: string };

/** How often each of a customer's events counts, by its place. */
export async function countsOf(
  server: Where,
  { meter, customer, nowS }: { meter: string; customer: string; nowS: number },
): Promise<number[]> {
  const range = {
    start_time: wholeHour(nowS - EARLIER_S - DAY_S),
    end_time: wholeHour(nowS + DAY_S),
  };
  let left = BigInt(await total(server, { meter, customer, ...range }));
  return Array.from({ length: EVENTS_A_CUSTOMER + 1 }, (_, place) => {
    if (place === EVENTS_A_CUSTOMER) return Number(left);
    const count = Number(left % 4n);
    left /= 4n;
    return count;
  });
}

function wholeHour(timeS: number): number {
  return Math.floor(timeS / 3600) * 3600;
}
