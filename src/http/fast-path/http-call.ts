import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { BodyShare } from '../limits/body-budget.ts';
import { tooLarge } from '../body.ts';
import type { HttpCall, ResponseHeaders } from '../http-call.ts';
import { toHead } from '../http-text.ts';
import type { PlainRequest } from './request.ts';

/** What a plain request needs of its connection. */
export type PlainWay = {
  readonly socket: Socket;
  /** What every answer has beside its own headers, after which the connection stays open. */
  readonly keptHeaders: ResponseHeaders;
  /** The answer is made, and not fetched at once. */
  readonly onUnread: () => void;
  /** The answer is out, or nobody waits for it. */
  readonly onOut: () => void;
};

/** A plain request: it is there as a whole when it begins. */
export class PlainHttpCall implements HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly complete = true;
  readonly isLast = false;
  status = 0;
  readonly #way: PlainWay;
  readonly #body: Buffer;
  #isOut = false;
  #then: (() => void)[] = [];

  constructor(way: PlainWay, { method, url, headers, body }: PlainRequest) {
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.#way = way;
    this.#body = body;
  }

  get socket(): Socket {
    return this.#way.socket;
  }

  /** As node:http has it, a client that closes its side does not wait for what it reads. A change is answered all the same. */
  get isGone(): boolean {
    const { destroyed, readableEnded } = this.#way.socket;
    return destroyed || (readableEnded && this.method === 'GET');
  }

  get heldBytes(): number {
    return this.#body.length;
  }

  /** A plain request has none that could be wrong. */
  wrongHeaders(): undefined {
    return undefined;
  }

  readBytes(bytesMax: number, share: BodyShare): Buffer {
    if (this.#body.length > bytesMax) throw tooLarge(bytesMax);
    share.take(this.#body.length);
    return this.#body;
  }

  answer(status: number, headers: ResponseHeaders, body: string): void {
    this.status = status;
    const { socket, keptHeaders } = this.#way;
    if (this.#isOut || socket.destroyed) return this.out();
    const isLast = headers['Connection'] === 'close';
    const added = isLast ? { Date: keptHeaders['Date'] ?? '' } : keptHeaders;
    const head = toHead(status, Object.assign(headers, added));
    // ASCII is the same in both, and one is a plain copy.
    const isAscii = headers['Content-Length'] === body.length;
    socket.write(head + body, isAscii ? 'latin1' : 'utf8');
    const isUnread = socket.writableLength > 0;
    if (isUnread) this.#way.onUnread();
    if (isLast) socket.destroySoon();
    else if (isUnread) socket.write('', () => this.out());
    else this.out();
  }

  onceOut(then: () => void): void {
    if (this.#isOut) then();
    else this.#then.push(then);
  }

  /** To be called when the connection is closed, too: from then on there is nothing to wait for. */
  out(): void {
    if (this.#isOut) return;
    this.#isOut = true;
    for (const then of this.#then) then();
    this.#way.onOut();
  }
}
