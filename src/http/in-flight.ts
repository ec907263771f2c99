import type { Socket } from 'node:net';

/**
 * Requests that are being answered, of all connections. A connection waits with its next request for the answer to the
 * last, unless it sends ahead (pipelining): then one alone could bring any number of them while a disk is slow, at some
 * 10 KB of memory each.
 */
const REQUESTS_MAX = 10_000;

/**
 * Bounds the requests under way (P10): by REQUESTS_MAX, and one more of each connection. Who sends one after the other
 * is never refused: to answer 429 takes nearly the work of the answer itself, so it would only lower what is done.
 */
export class InFlight {
  readonly #max: number;
  readonly #ofSocket = new WeakMap<Socket, number>();
  #requests = 0;

  constructor(max = REQUESTS_MAX) {
    this.#max = max;
  }

  /** False: this connection has sent too far ahead. No answer could overtake those before, so it is to be closed. */
  begin(socket: Socket): boolean {
    const ahead = this.#ofSocket.get(socket) ?? 0;
    if (ahead > 0 && this.#requests >= this.#max) return false;
    this.#ofSocket.set(socket, ahead + 1);
    this.#requests += 1;
    return true;
  }

  /** Once for each that began, when nothing is held for it any more, whether its connection is still there or not. */
  end(socket: Socket): void {
    this.#ofSocket.set(socket, (this.#ofSocket.get(socket) ?? 1) - 1);
    this.#requests -= 1;
  }
}
