/**
 * The short way in. A connection begins here: plain requests (see request.ts) are read and answered without
 * node:http, which takes twice as long about them. With the first that is not plain, or does not come at once, the
 * connection is node:http's until it ends, with its limits and its answers. One on which nothing comes is closed without a
 * word: balancers open connections ahead, and would take a refusal for the answer to their first request.
 *
 * One request at a time: while one is answered, and as long as its answer is not out, nothing else of its connection is
 * read. An answer may take `stalledTimeoutMs` to be made, and then as long as some of it is fetched in every such time.
 */
import { toSeconds } from '../../domain/time.ts';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { toHttpDate, type Clock } from '../../lib/clock.ts';
import type { ConnectionLimits } from '../connections.ts';
import type { HttpCall, ResponseHeaders } from '../http-call.ts';
import { PlainHttpCall, type PlainWay } from './http-call.ts';
import { readPlainRequest } from './request.ts';

/** As node:http's: who uses the connection at the last moment is not to find it closed. */
const GRACE_MS = 1_000;

type Limits = Pick<ConnectionLimits, 'keepAliveMs' | 'stalledTimeoutMs' | 'checkEveryMs'>;
type Ways = {
  /** Answers a plain request. */
  readonly take: (call: HttpCall) => void;
  /** Goes on with a connection as node:http does. */
  readonly handOver: (socket: Socket) => void;
  /** Answers a connection that ended within a request. */
  readonly refuse: (socket: Socket) => void;
};

export class PlainConnections {
  readonly limits: Limits;
  readonly ways: Ways;
  /** Else all of them are node:http's, with their first byte. */
  readonly readsPlain: boolean;
  readonly #clock: Clock;
  readonly #open = new Set<PlainConnection>();
  readonly #timer: NodeJS.Timeout;
  /** Counts checks: how old something is, is told by it. */
  #checks = 0;
  #keptHeaders: ResponseHeaders = {};
  #keptHeadersS = -1;

  /** Stands in front of the server's own listener. `handedOver` is given each connection that is node:http's now. */
  constructor(
    server: Server,
    clock: Clock,
    limits: Limits,
    options: Pick<Ways, 'take'> & {
      readonly readsPlain: boolean;
      readonly handedOver: (socket: Socket) => void;
    },
  ) {
    const { take, handedOver, readsPlain } = options;
    this.readsPlain = readsPlain;
    this.limits = limits;
    this.#clock = clock;
    const listeners = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    this.ways = {
      take,
      handOver: (socket) => {
        for (const listener of listeners) listener.call(server, socket);
        handedOver(socket);
      },
      refuse: (socket) => server.emit('clientError', new Error('Half a request came.'), socket),
    };
    server.on('connection', (socket: Socket) => {
      this.#open.add(new PlainConnection(this, socket));
    });
    this.#timer = setInterval(() => this.#check(), limits.checkEveryMs).unref();
  }

  get checks(): number {
    return this.#checks;
  }

  /** What node:http adds to an answer after which the connection stays open. */
  get keptHeaders(): ResponseHeaders {
    const nowS = toSeconds(this.#clock.nowMs());
    if (nowS !== this.#keptHeadersS) {
      this.#keptHeadersS = nowS;
      this.#keptHeaders = {
        Date: toHttpDate(nowS * 1000),
        Connection: 'keep-alive',
        'Keep-Alive': `timeout=${Math.floor(this.limits.keepAliveMs / 1000)}`,
      };
    }
    return this.#keptHeaders;
  }

  leave(connection: PlainConnection): void {
    this.#open.delete(connection);
  }

  /** To be called when the server stops; it does not close the sockets. */
  close(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    this.#checks += 1;
    for (const connection of this.#open) connection.check();
  }
}

/** `idle`: nothing of a request has come, not even of the first. `begun`: a part has. `unread`: its answer is not fetched. */
type State = 'idle' | 'begun' | 'answering' | 'unread';

class PlainConnection implements PlainWay {
  readonly socket: Socket;
  readonly #all: PlainConnections;
  #state: State = 'idle';
  /** At which check the state began. */
  #sinceCheck: number;
  /** What has come of a request, and how many bytes are worth a look. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #needs = 0;
  /** The one that is being answered. */
  #call: PlainHttpCall | undefined;

  constructor(all: PlainConnections, socket: Socket) {
    this.#all = all;
    this.socket = socket;
    this.#sinceCheck = all.checks;
    socket.on('data', this.#onData).on('end', this.#onEnd);
    socket.on('error', this.#onError).on('close', this.#onClose);
  }

  get keptHeaders(): ResponseHeaders {
    return this.#all.keptHeaders;
  }

  /** Called again and again, so that nothing lasts for ever. */
  check(): void {
    const { keepAliveMs, stalledTimeoutMs, checkEveryMs } = this.#all.limits;
    // Less than a whole one may have passed since the first.
    const checks = this.#all.checks - this.#sinceCheck - 1;
    if (checks < 1) return;
    if (this.#state === 'begun') return this.#handOver();
    if (this.#state === 'unread') return;
    const limitMs = this.#state === 'idle' ? keepAliveMs + GRACE_MS : stalledTimeoutMs;
    if (checks * checkEveryMs >= limitMs) this.socket.destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#call !== undefined) return this.#putBack(chunk);
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes < this.#needs) return;
    const bytes = this.#takePending();
    const request = this.#all.readsPlain ? readPlainRequest(bytes) : 'other';
    if (request === 'other') {
      this.#pending = [bytes];
      this.#handOver();
    } else if ('needs' in request) {
      this.#pending = [bytes];
      this.#pendingBytes = bytes.length;
      this.#needs = request.needs;
      this.#enter('begun');
    } else {
      if (request.end < bytes.length) this.#putBack(bytes.subarray(request.end));
      this.#enter('answering');
      this.#call = new PlainHttpCall(this, request);
      this.#all.ways.take(this.#call);
    }
  };

  #takePending(): Buffer {
    const [first] = this.#pending;
    const isOne = first !== undefined && this.#pending.length === 1;
    const bytes = isOne ? first : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#needs = 0;
    return bytes;
  }

  /** Into the socket, which does not say that it ended before this is read. */
  #putBack(bytes: Buffer): void {
    this.socket.pause();
    this.socket.unshift(bytes);
  }

  /** The socket knows when a part of what was written has left; the checks do not. */
  readonly onUnread = (): void => {
    this.#enter('unread');
    this.socket.setTimeout(this.#all.limits.stalledTimeoutMs).on('timeout', this.#onStalled);
  };

  readonly #onStalled = (): void => {
    this.socket.destroy();
  };

  readonly onOut = (): void => {
    this.#call = undefined;
    if (this.#state === 'unread') this.socket.setTimeout(0).off('timeout', this.#onStalled);
    this.#enter('idle');
    // Not at once: who sends a thousand requests in one go must not keep everybody else waiting.
    if (this.socket.isPaused()) setImmediate(this.#goOn);
    else if (this.socket.readableEnded) this.socket.end();
  };

  readonly #goOn = (): void => {
    this.socket.resume();
  };

  #handOver(): void {
    const { socket } = this;
    this.#leave();
    // What arrives from here on waits for the next listener.
    socket.pause();
    socket.off('data', this.#onData).off('end', this.#onEnd);
    socket.off('error', this.#onError).off('close', this.#onClose);
    if (this.#pending.length > 0) socket.unshift(this.#takePending());
    this.#all.ways.handOver(socket);
    socket.resume();
  }

  /** A request that comes in drops has begun with the first. */
  #enter(state: State): void {
    if (this.#state === state && state === 'begun') return;
    this.#state = state;
    this.#sinceCheck = this.#all.checks;
  }

  readonly #onEnd = (): void => {
    // Whoever has sent all may still wait for the answer.
    if (this.#call !== undefined) return;
    this.#leave();
    if (this.#pending.length === 0) this.socket.end();
    else this.#all.ways.refuse(this.socket);
  };

  readonly #onError = (): void => {
    this.socket.destroy();
  };

  readonly #onClose = (): void => {
    this.#leave();
    this.#call?.out();
  };

  #leave(): void {
    this.#all.leave(this);
  }
}
