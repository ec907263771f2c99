/** The stream, raw: for headers, for what no SDK sends, and to be told what became of each event. */
import assert from 'node:assert/strict';
import type { Answer } from './http.ts';
import { newClient } from './sdk.ts';
import { TEST_KEY } from './server.ts';
import { postJson, V2_STREAM } from './v2.ts';

type Origin = { readonly url: string; readonly host: string; readonly port: number };
type Headers = Readonly<Record<string, string>>;

/** What `Prefer: return=representation` is answered. */
export type Told = {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly results: readonly {
    readonly identifier: string | null;
    readonly status: 'accepted' | 'duplicate' | 'rejected';
    readonly code?: string;
    readonly message?: string;
  }[];
};

export const TELL: Headers = { prefer: 'return=representation' };

/** The door to the stream: the token of a new session of this key's account and mode. */
export async function openStream(origin: Origin, key = TEST_KEY): Promise<string> {
  const session = await newClient(origin, { key }).v2.billing.meterEventSession.create();
  return session.authentication_token;
}

/** Sends a list of events, or a whole body as text. */
export async function postStream(
  origin: { readonly url: string },
  token: string,
  events: string | readonly unknown[],
  headers: Headers = {},
): Promise<Answer> {
  const body = typeof events === 'string' ? events : { events };
  return await postJson(origin, { path: V2_STREAM, body, key: token, headers });
}

/** Sends events that must be answered with success, and reads what became of each. */
export async function tell(
  origin: { readonly url: string },
  token: string,
  events: string | readonly unknown[],
  headers: Headers = {},
): Promise<Told> {
  const answer = await postStream(origin, token, events, { ...TELL, ...headers });
  assert.equal(answer.status, 200, answer.text);
  const told = JSON.parse(answer.text) as Told;
  for (const [status, count] of [
    ['accepted', told.accepted],
    ['duplicate', told.duplicates],
    ['rejected', told.rejected],
  ] as const) {
    const found = told.results.filter((result) => result.status === status);
    assert.equal(found.length, count, answer.text);
  }
  return told;
}

/** In short: each event's status, or the code of its rejection. */
export function fates({ results }: Told): string[] {
  return results.map(({ status, code }) => code ?? status);
}
