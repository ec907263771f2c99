/**
 * What an operator's tools ask for, without a key: is it alive, can it accept, what does it count. No key, id or
 * name of anybody is on these pages.
 */
import { logError } from '../../lib/log.ts';
import type { AnswerBudget } from '../limits/answer-budget.ts';
import type { HttpCall } from '../http-call.ts';

export type Page = { readonly status: number; readonly type: string; readonly body: string };

/** `undefined`: nothing is wrong. */
export function toHealthPage(wrong: Wrong | undefined): Page {
  const body = JSON.stringify(wrong ?? { status: 'ok' });
  return { status: wrong === undefined ? 200 : 503, type: 'application/json', body };
}

/** `unready`: it does not accept, and may by itself. `stuck`: only a restart helps. */
export type Wrong = { readonly status: 'unready' | 'stuck'; readonly reason: string };

/** Of a page that could not be made. */
function toFailurePage(error: unknown): Page {
  logError('The metrics could not be read.', error);
  return { status: 500, type: 'text/plain', body: 'The metrics could not be read.\n' };
}

/** How long a page of figures stays as it is: it takes a millisecond or more, and anybody may ask. */
const MADE_AGAIN_MS = 1_000;

/** The page, made once for all that ask for it within a second. */
export function madeOnce(make: () => Promise<Page>): () => Promise<Page> {
  let made: Promise<Page> | undefined;
  let untilMs = 0;
  return async () => {
    if (made === undefined || performance.now() >= untilMs) {
      untilMs = Infinity;
      made = make()
        .catch(toFailurePage)
        .finally(() => (untilMs = performance.now() + MADE_AGAIN_MS));
    }
    return await made;
  };
}

/** Sends a long page; past what may wait to be fetched, a short one that says so. */
export function sendUnread(
  call: Pick<HttpCall, 'answer' | 'onceOut'>,
  page: Page,
  answers: AnswerBudget,
  isLast = false,
): void {
  const bytes = Buffer.byteLength(page.body);
  const hasRoom = answers.hasRoom(OPERATOR, bytes) && answers.take(call, OPERATOR, bytes);
  sendPage(call, hasRoom ? page : TOO_MUCH, isLast);
}

/** Owns the pages that need no key. */
const OPERATOR = 'operator';
const TOO_MUCH: Page = {
  status: 429,
  type: 'text/plain',
  body: 'Too many of these pages have not been fetched yet.\n',
};

/** `isLast`: the connection ends with it. */
export function sendPage(
  call: Pick<HttpCall, 'answer'>,
  { status, type, body }: Page,
  isLast = false,
): void {
  const headers = {
    ...(isLast ? { Connection: 'close' } : {}),
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 503 || status === 429 ? { 'Retry-After': 1 } : {}),
  };
  call.answer(status, headers, body);
}
