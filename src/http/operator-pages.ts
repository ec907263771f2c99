/**
 * What an operator's tools ask for, without a key: is it alive, can it accept, what does it count. No key, id or
 * name of anybody is on these pages.
 */
import { logError } from '../log.ts';
import type { HttpCall } from './http-call.ts';

export type Page = { readonly status: number; readonly type: string; readonly body: string };

/** `undefined`: nothing is wrong. */
export function toHealthPage(wrong: Wrong | undefined): Page {
  const body = JSON.stringify(wrong ?? { status: 'ok' });
  return { status: wrong === undefined ? 200 : 503, type: 'application/json', body };
}

/** `unready`: it does not accept, and may by itself. `stuck`: only a restart helps. */
export type Wrong = { readonly status: 'unready' | 'stuck'; readonly reason: string };

/** Of a page that could not be made. */
export function toFailurePage(error: unknown): Page {
  logError('The metrics could not be read.', error);
  return { status: 500, type: 'text/plain', body: 'The metrics could not be read.\n' };
}

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
    ...(status === 503 ? { 'Retry-After': 1 } : {}),
  };
  call.answer(status, headers, body);
}
