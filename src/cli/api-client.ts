import { API_VERSION } from '../domain/api-version.ts';
import type { ClientConfig } from '../config/client-config.ts';
import { parseExactly } from '../domain/core-events/wire.ts';
import { StartupError } from '../lib/startup-error.ts';

const ANSWER_TIMEOUT_MS = 30_000;

/** The server cannot be reached, or is not ready: it may be later. */
export class UnreachableError extends StartupError {}

type Sent = { readonly form?: URLSearchParams; readonly apiVersion?: string | undefined };

/**
 * Calls a running server; answers its JSON, in which numbers keep their digits. Throws StartupError with its message
 * when it refuses, UnreachableError when there is no answer or a 5xx.
 */
export async function callApi(
  { url, apiKey }: ClientConfig,
  method: 'GET' | 'POST',
  path: string,
  { form, apiVersion = API_VERSION }: Sent = {},
): Promise<unknown> {
  const text = await send(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'stripe-version': apiVersion },
    ...(form === undefined ? {} : { body: form }),
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  try {
    return parseExactly(text);
  } catch {
    throw new StartupError(`${new URL(url).origin} answers what is no JSON. Is it a Taximeter?`);
  }
}

async function send(url: string, init: RequestInit): Promise<string> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, init);
    text = await response.text();
  } catch (error) {
    throw new UnreachableError(`Cannot reach ${new URL(url).origin}.`, { cause: error });
  }
  if (response.status >= 500) throw new UnreachableError(`The server answers ${response.status}.`);
  if (response.ok) return text;
  throw new StartupError(messageOf(text) ?? `The server answers ${response.status}.`);
}

function messageOf(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { readonly error?: { readonly message?: unknown } };
    return typeof error?.message === 'string' ? error.message : undefined;
  } catch {
    return undefined;
  }
}
