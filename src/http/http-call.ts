/** A request whose headers are read, and the way back for its answer: what the pipeline knows of HTTP. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { BodyShare } from './limits/body-budget.ts';
import { readBytes } from './body.ts';
import { asksForUpgrade, wrongHeaders } from './headers.ts';

export type ResponseHeaders = Record<string, string | number>;

export interface HttpCall {
  readonly method: string;
  /** As it was sent: see target.ts. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
  /** Whether all of it has arrived. */
  readonly complete: boolean;
  /** Its answer ends the connection: what comes behind it may have been read wrongly. */
  readonly isLast: boolean;
  /** Of the answer, once it is sent. */
  readonly status: number;
  /** Nobody is there any more to be answered. */
  readonly isGone: boolean;

  /** How many bytes of the body are in memory, at most, while nothing has been read of it. */
  readonly heldBytes: number;

  /** What is wrong with the headers, that would make another reader take these bytes for another request. */
  wrongHeaders(): string | undefined;

  /**
   * All of the body; nothing when there is none. Throws `body_too_large` before more than the limit is held, and
   * `rate_limit` when there is no room for it (see BodyShare).
   */
  readBytes(bytesMax: number, share: BodyShare): Buffer | Promise<Buffer>;

  /** Sends the answer. With `Connection: close`, the connection is closed after it. */
  answer(status: number, headers: ResponseHeaders, body: string): void;

  /** Calls back once, when the answer is out or the client is gone, which may be at once. */
  onceOut(then: () => void): void;
}

const UNREAD_BYTES_MAX = 128 * 1024;

/** A request that node:http has read. */
export class NodeHttpCall implements HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
  readonly isLast: boolean;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(message: IncomingMessage, response: ServerResponse) {
    this.method = message.method ?? '';
    this.url = message.url ?? '/';
    this.headers = message.headers;
    this.socket = message.socket;
    this.isLast = asksForUpgrade(message);
    this.#message = message;
    this.#response = response;
  }

  get complete(): boolean {
    return this.#message.complete;
  }

  get status(): number {
    return this.#response.statusCode;
  }

  get isGone(): boolean {
    return this.#response.destroyed;
  }

  /** While a body is not read, node:http stops reading from its socket; by then its buffer and one more read are full. */
  get heldBytes(): number {
    const { 'content-length': length, 'transfer-encoding': coding } = this.headers;
    if (coding !== undefined) return UNREAD_BYTES_MAX;
    return Math.min(Number(length ?? 0), UNREAD_BYTES_MAX);
  }

  wrongHeaders(): string | undefined {
    return wrongHeaders(this.#message);
  }

  readBytes(bytesMax: number, share: BodyShare): Promise<Buffer> {
    return readBytes(this.#message, bytesMax, share);
  }

  answer(status: number, headers: ResponseHeaders, body: string): void {
    const all = this.isLast ? { ...headers, Connection: 'close' } : headers;
    this.#response.writeHead(status, all).end(body);
  }

  onceOut(then: () => void): void {
    if (this.#response.closed) then();
    else this.#response.once('close', then);
  }
}
