/** What became of the requests of a case of framing-cases.ts. */
import assert from 'node:assert/strict';
import type { Ids, Role } from './framing-cases.ts';
import { total } from './summaries.ts';
import { HOUR_S, nowS } from './times.ts';

const ROLES: readonly Role[] = ['first', 'next', 'canary'];

/** The answers in what came back, in the words of framing-cases.ts. */
export function verdictOf(text: string, ids: Ids): string {
  return answersIn(text)
    .map(({ status, body }) => {
      const role = ROLES.find((one) => body.includes(`"${ids[one]}"`));
      if (status === '200' && role !== undefined) return role;
      return status === '400' && body.includes('"Invalid request: ') ? 'malformed' : status;
    })
    .join(' ');
}

type Answer = { readonly status: string; readonly body: string };

/** Each has a length, but the interim one. */
export function answersIn(text: string): Answer[] {
  const answers: Answer[] = [];
  let rest = text;
  while (rest !== '') {
    const [head = ''] = rest.split('\r\n\r\n', 1);
    const status = /^HTTP\/1\.1 (\d{3}) /u.exec(head)?.[1];
    assert.ok(status !== undefined, `no answer: ${JSON.stringify(rest.slice(0, 500))}`);
    const length = Number(/\r\nContent-Length: (\d+)/iu.exec(head)?.[1] ?? 0);
    const start = head.length + 4;
    answers.push({ status, body: rest.slice(start, start + length) });
    rest = rest.slice(start + length);
  }
  return answers;
}

/** How many events the meter has counted of all. */
export async function countOf(
  server: { readonly url: string },
  meter: { readonly id: string },
): Promise<number> {
  const end = Math.ceil(nowS() / HOUR_S) * HOUR_S + HOUR_S;
  const range = { start_time: end - 24 * HOUR_S, end_time: end };
  return Number(await total(server, { meter: meter.id, customer: 'c', ...range }));
}
