/**
 * A port with its connections: their limits, both ways in, and how they end. Whatever is asked for over it, one request of
 * a connection is handed on at a time: the next is not read before the answer is out.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import {
  CONNECTION_LIMITS,
  Connections,
  type ConnectionLimits,
  type DrainLimits,
} from './connections.ts';
import { NodeHttpCall, type HttpCall } from './http-call.ts';
import { listen } from './listen.ts';
import { answerWhatIsNoHttp } from './node/client-error.ts';
import { NodeFeed } from './node/node-feed.ts';
import { createNodeServer } from './node/node-server.ts';
import { PlainConnections } from './fast-path/connections.ts';

export class Door {
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #plain: PlainConnections;
  readonly #respond: (call: HttpCall) => void;
  #closed: Promise<void> | undefined;

  /** `respond` is given every request. `fastPath: false`: node:http reads all of them. */
  constructor(
    clock: Clock,
    { limits, fastPath }: { limits: Partial<ConnectionLimits>; fastPath: boolean },
    respond: (call: HttpCall) => void,
  ) {
    const all = { ...CONNECTION_LIMITS, ...limits };
    this.#respond = respond;
    this.#server = createNodeServer(all, (request: IncomingMessage, response: ServerResponse) =>
      this.#take(new NodeHttpCall(request, response)),
    );
    this.#plain = new PlainConnections(this.#server, clock, all, {
      readsPlain: fastPath,
      take: (call) => this.#take(call),
      handedOver: (socket) => this.#feed(socket),
    });
    this.#connections = new Connections(this.#server, all);
    answerWhatIsNoHttp(this.#server, this.#connections);
  }

  /** Answers the port. Throws StartupError when the address cannot be had. */
  async listen(port: number, host: string): Promise<number> {
    return await listen(this.#server, port, host);
  }

  /** Lets nothing begin any more on this connection, not even what has arrived already. */
  distrust(socket: Socket): void {
    this.#connections.distrust(socket);
  }

  /** Takes no new connections from here on. */
  stopAccepting(): void {
    // Not http.Server's own: that cuts idle connections at once.
    this.#closed ??= new Promise((resolve) => {
      NetServer.prototype.close.call(this.#server, () => resolve());
    });
  }

  /** Resolves when all connections are closed, each of them within these limits. */
  async drain(limits: DrainLimits): Promise<void> {
    this.stopAccepting();
    await this.#connections.drain(limits);
  }

  /** Drains, and lets go of the port. */
  async close(limits: DrainLimits): Promise<void> {
    await this.drain(limits);
    this.#server.close();
    this.#plain.close();
    await this.#closed;
  }

  #take(call: HttpCall): void {
    const { socket } = call;
    if (!this.#connections.begin(socket, call)) return;
    if (call.isLast) this.#connections.distrust(socket);
    call.onceOut(() => this.#connections.end(socket));
    this.#respond(call);
  }

  #feed(socket: Socket): void {
    const feed = new NodeFeed(socket, (of) => this.#connections.begun(of));
    this.#connections.whenOut(socket, () => feed.goOn());
  }
}
