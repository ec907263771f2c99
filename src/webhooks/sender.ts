/**
 * Posts one delivery and tells what came of it. Every bound is here: time to connect and to answer, size of headers, how
 * much of the body is read. It follows no redirect, uses no proxy, and connects only where `addresses.ts` allows.
 */
import { Agent, request } from 'undici';
import { ANSWER_LENGTH_MAX, type Attempt } from '../domain/core-events/delivery.ts';
import { checkedLookup, refusalOfUrl, type AddressRules, type Resolve } from './addresses.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** From the first byte out to the last byte that is read. */
const ANSWER_TIMEOUT_MS = 10_000;
const HEADER_BYTES_MAX = 16 * 1024;
/** Enough bytes for the characters that are kept, whatever they are. */
const ANSWER_BYTES_READ = 4 * ANSWER_LENGTH_MAX;

export type SenderOptions = AddressRules & {
  readonly answerTimeoutMs?: number;
  readonly resolve?: Resolve;
};

/** What came of a post; when it began is for the caller to say. */
export type Sent = Omit<Attempt, 'startedMs'>;

export class Sender {
  readonly #rules: AddressRules;
  readonly #answerTimeoutMs: number;
  readonly #agent: Agent;
  readonly #closing = new AbortController();

  constructor({ answerTimeoutMs = ANSWER_TIMEOUT_MS, resolve, ...rules }: SenderOptions) {
    this.#rules = rules;
    this.#answerTimeoutMs = answerTimeoutMs;
    this.#agent = new Agent({
      connect: { timeout: CONNECT_TIMEOUT_MS, lookup: checkedLookup(rules, resolve) },
      allowH2: false,
      maxHeaderSize: HEADER_BYTES_MAX,
      // The signal below bounds both together.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Never throws: what went wrong is in `error`, and `status` is null. */
  async post(url: string, body: string, signature: string): Promise<Sent> {
    const begunMs = performance.now();
    const outcome = await this.#tryPost(url, body, signature);
    return { ...outcome, durationMs: Math.round(performance.now() - begunMs) };
  }

  /** Lets go of every connection; posts that are under way end with an error. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#agent.destroy();
  }

  async #tryPost(url: string, body: string, signature: string): Promise<Omit<Sent, 'durationMs'>> {
    const refusal = refusalOfUrl(url, this.#rules);
    if (refusal !== undefined) return failed(`Not delivered: the URL ${refusal}.`);
    const timeout = AbortSignal.timeout(this.#answerTimeoutMs);
    try {
      const answer = await request(url, {
        method: 'POST',
        body,
        headers: {
          'Content-Type': 'application/json; charset=utf-8',
          'User-Agent': 'Taximeter/1.0',
          Accept: '*/*',
          'Cache-Control': 'no-cache',
          'Stripe-Signature': signature,
        },
        dispatcher: this.#agent,
        signal: AbortSignal.any([timeout, this.#closing.signal]),
      });
      return {
        status: answer.statusCode,
        answer: await readStart(answer.body),
        error: null,
      };
    } catch (error) {
      if (timeout.aborted) return failed(`No answer within ${this.#answerTimeoutMs} ms.`);
      return failed(reasonOf(error));
    }
  }
}

/** The status says what came of it: a body that breaks off, or never ends, is read as far as it goes. */
async function readStart(body: AsyncIterable<Buffer> & { destroy(): unknown }): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= ANSWER_BYTES_READ) break;
    }
  } catch {
    // What came before it is kept.
  }
  body.destroy();
  return Buffer.concat(chunks).toString().slice(0, ANSWER_LENGTH_MAX).toWellFormed();
}

function failed(error: string): Omit<Sent, 'durationMs'> {
  return { status: null, answer: null, error: error.slice(0, ANSWER_LENGTH_MAX).toWellFormed() };
}

/** Of several addresses that all failed, undici gives an AggregateError, whose code says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message === '' ? (code ?? error.name) : error.message;
}
