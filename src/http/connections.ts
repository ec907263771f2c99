/**
 * The sockets of the server: how many there are, which gives way when there are too many, which wait for an answer, and
 * how they end when the server stops.
 *
 * Slow or silent clients cannot keep others out: past the limit, the connection that has waited longest without a
 * whole request is closed, and a client that does send one is not noticed by it. There is no limit for one
 * address, since behind a proxy all come from the same.
 */
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { Socket } from 'node:net';

export type ConnectionLimits = {
  /** Bounds sockets and the memory of half-sent bodies (P10). */
  readonly connectionsMax: number;
  /** From the first byte, or the connection when it is new, to the last header. */
  readonly headersTimeoutMs: number;
  /** The same to the last byte of the body. */
  readonly requestTimeoutMs: number;
  /** Before the first byte of a request, the first one's too. */
  readonly keepAliveMs: number;
  /** Without a byte in either direction, as when an answer is not fetched; also for a plain request's answer to be made. */
  readonly stalledTimeoutMs: number;
  /** How often the first two are looked at: Node's 30 s would make them 40 and 60. */
  readonly checkEveryMs: number;
};

export const CONNECTION_LIMITS: ConnectionLimits = {
  connectionsMax: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveMs: 65_000,
  stalledTimeoutMs: 120_000,
  checkEveryMs: 1_000,
};

/** How many connections are looked at for one that may give way, so that a new one costs little. */
const LOOKS_MAX = 100;

/** Until when a stop waits for which connections. */
export type DrainLimits = {
  /** Without a request: one that is on its way now is answered, and the client learns that the connection ends. */
  readonly idleMs: number;
  /** With a part of one. */
  readonly partMs: number;
  /** With an answer that is not out. */
  readonly answerMs: number;
};

export const DRAIN_LIMITS: DrainLimits = { idleMs: 250, partMs: 5_000, answerMs: 10_000 };

/** A request, and whether all of it has arrived. */
export type Begun = { readonly complete: boolean; readonly headers: IncomingHttpHeaders };

type Connection = {
  /** Begun, and its answer not out. */
  request: Begun | undefined;
  /** Called when it is. */
  onOut: () => void;
  /** How much had been read of it when nothing was left of a request. */
  readBytes: number;
  wasUsed: boolean;
  isDistrusted: boolean;
  /** How it ends when no answer is owed any more, if it has to. */
  onAnswered: (() => void) | undefined;
};

export class Connections {
  /** The oldest first, or those that were passed over longest ago. */
  readonly #open = new Map<Socket, Connection>();
  #isDraining = false;
  #onNoneLeft = (): void => undefined;

  constructor(server: Server, { connectionsMax }: Pick<ConnectionLimits, 'connectionsMax'>) {
    server.on('connection', (socket: Socket) => {
      if (this.#open.size >= connectionsMax && !this.#makeRoom()) {
        socket.destroy();
        return;
      }
      this.#open.set(socket, {
        request: undefined,
        onOut: () => undefined,
        readBytes: 0,
        wasUsed: false,
        isDistrusted: false,
        onAnswered: undefined,
      });
      socket.once('close', () => {
        this.#open.delete(socket);
        if (this.#open.size === 0) this.#onNoneLeft();
      });
    });
  }

  /**
   * To be called for every request, as soon as its headers are read. False when it must not be answered: nothing else
   * begins on a connection before the last answer is out, which both ways in see to.
   */
  begin(socket: Socket, request: Begun): boolean {
    const connection = this.#open.get(socket);
    if (connection === undefined || connection.isDistrusted) return false;
    if (connection.request !== undefined) {
      socket.destroy();
      return false;
    }
    connection.request = request;
    return true;
  }

  /** To be called for every request that began, when its answer is out or its client gone. */
  end(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.wasUsed = true;
    // It holds its body, and an idle connection shall hold nothing.
    connection.request = undefined;
    connection.readBytes = socket.bytesRead;
    connection.onAnswered?.();
    if (this.#isDraining && isIdle(socket, connection)) socket.destroySoon();
    connection.onOut();
  }

  /** Calls back whenever an answer is out. */
  whenOut(socket: Socket, then: () => void): void {
    const connection = this.#open.get(socket);
    if (connection !== undefined) connection.onOut = then;
  }

  /** Lets nothing begin any more on this connection, not even what has arrived already. */
  distrust(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection !== undefined) connection.isDistrusted = true;
  }

  /** Lets nothing more begin, and calls `then` once the answers to all that was read whole are out, which may be at once. */
  endAfterAnswers(socket: Socket, then: () => void): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return then();
    connection.isDistrusted = true;
    if (owes(connection)) connection.onAnswered ??= then;
    else then();
  }

  /** The request that has begun on it, until its answer is out. */
  begun(socket: Socket): Begun | undefined {
    return this.#open.get(socket)?.request;
  }

  /**
   * Closes all of them, each as soon as nothing is under way on it, or its limit is over. Those without a request are left
   * for a moment: a client that uses one in that moment gets an answer, which says that the connection ends, where it
   * would find it reset.
   */
  async drain({ idleMs, partMs, answerMs }: DrainLimits): Promise<void> {
    if (this.#open.size === 0) return;
    const noneLeft = new Promise<void>((resolve) => (this.#onNoneLeft = resolve));
    const timers = [
      setTimeout(() => {
        this.#isDraining = true;
        this.#closeWhere(isIdle);
      }, idleMs),
      setTimeout(() => this.#closeWhere((_, connection) => !owes(connection)), partMs),
      setTimeout(() => this.#closeWhere(() => true), answerMs),
    ];
    await noneLeft;
    for (const timer of timers) clearTimeout(timer);
  }

  #closeWhere(mayGo: (socket: Socket, connection: Connection) => boolean): void {
    for (const [socket, connection] of this.#open) {
      if (mayGo(socket, connection)) socket.destroy();
    }
  }

  /** Closes one connection. One that was used since it was last looked at is passed over, once. */
  #makeRoom(): boolean {
    let looks = 0;
    for (const [socket, connection] of this.#open) {
      this.#open.delete(socket);
      if (!owes(connection) && !connection.wasUsed) {
        socket.destroy();
        return true;
      }
      connection.wasUsed = false;
      this.#open.set(socket, connection);
      if (++looks === LOOKS_MAX) return false;
    }
    return false;
  }
}

/** Nothing of a request has come since the last answer. */
function isIdle(socket: Socket, { request, readBytes }: Connection): boolean {
  return request === undefined && socket.bytesRead === readBytes && socket.readableLength === 0;
}

function owes({ request }: Connection): boolean {
  return request?.complete === true;
}
