/**
 * Gives node:http the bytes of a connection a request at a time. Left to itself, it parses all that one read brought: two
 * thousand requests are in 64 KB, which it would begin at once, without a turn of the event loop, and whose answers it would hold.
 *
 * Every head ends in an empty line, and so does a body in chunks; of any other the length is known. Cut there, no second
 * request begins with the first. While an answer is not out, the rest waits in the socket, which is paused. A cut within
 * a body does no harm.
 *
 * It stands in the place of the one listener that node:http puts on a socket's data: not a documented place, which is why
 * `node-feed.test.ts` holds it to what it does here.
 */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { Begun } from '../connections.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
/** So much of an empty line may be at the end of one read. */
const SEAM = HEAD_END.length - 1;
/** So many cuts in one turn: bodies can be full of empty lines. */
const CUTS_MAX = 100;
const NOTHING = Buffer.of();

export class NodeFeed {
  readonly #socket: Socket;
  readonly #begun: (socket: Socket) => Begun | undefined;
  readonly #give: (bytes: Buffer) => void;
  /** The last bytes that were given, where no empty line ended: it may go on in what comes next. */
  #last: Buffer = NOTHING;
  /** How much is left of a body of known length. */
  #bodyBytes = 0;

  /** For a socket that node:http has just taken over. `begun`: the request whose answer is not out, if there is one. */
  constructor(socket: Socket, begun: (socket: Socket) => Begun | undefined) {
    const listeners = socket.listeners('data') as ((bytes: Buffer) => void)[];
    const [give] = listeners;
    assert.ok(give !== undefined && listeners.length === 1, 'node:http listens to the data alone');
    this.#socket = socket;
    this.#begun = begun;
    this.#give = give;
    socket.off('data', give).on('data', this.#onData);
  }

  /** To be called when an answer is out. */
  goOn(): void {
    // Not at once: a client that sends a thousand requests in one go must not keep the others waiting.
    if (this.#socket.isPaused()) setImmediate(this.#resume);
  }

  readonly #resume = (): void => {
    this.#socket.resume();
  };

  readonly #onData = (bytes: Buffer): void => {
    const socket = this.#socket;
    let at = 0;
    for (let cuts = 0; at < bytes.length; cuts += 1) {
      if (this.#begun(socket)?.complete === true) return this.#putBack(bytes.subarray(at));
      if (cuts === CUTS_MAX) {
        setImmediate(this.#resume);
        return this.#putBack(bytes.subarray(at));
      }
      const end = this.#bodyBytes > 0 ? at + this.#bodyBytes : this.#endOfHead(bytes, at);
      this.#giveOn(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
      at = end;
      if (socket.destroyed || socket.writableEnded) return;
      // By node:http, which goes on when the body is read that this is of.
      if (socket.isPaused()) return this.#putBack(bytes.subarray(at));
    }
  };

  #giveOn(part: Buffer): void {
    const before = this.#begun(this.#socket);
    this.#bodyBytes = Math.max(0, this.#bodyBytes - part.length);
    this.#give(part);
    const begun = this.#begun(this.#socket);
    if (begun === undefined || begun === before || begun.complete) return;
    this.#bodyBytes = Number(begun.headers['content-length'] ?? 0);
  }

  /** Behind the next empty line, or where the bytes end. */
  #endOfHead(bytes: Buffer, at: number): number {
    if (at === 0 && this.#last.length > 0) {
      const seam = Buffer.concat([this.#last, bytes.subarray(0, SEAM)]);
      const found = seam.indexOf(HEAD_END);
      const before = this.#last.length;
      if (found !== -1) {
        this.#last = NOTHING;
        return found + HEAD_END.length - before;
      }
    }
    const found = bytes.indexOf(HEAD_END, at);
    if (found === -1) {
      this.#last = Buffer.concat([this.#last, bytes.subarray(at).subarray(-SEAM)]).subarray(-SEAM);
      return bytes.length;
    }
    this.#last = NOTHING;
    return found + HEAD_END.length;
  }

  /** Into the socket, which does not say that it ended before this is read. */
  #putBack(bytes: Buffer): void {
    this.#socket.pause();
    if (bytes.length > 0) this.#socket.unshift(bytes);
  }
}
