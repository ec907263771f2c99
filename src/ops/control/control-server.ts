/**
 * How a command reaches the server that runs on a data folder: a socket in the folder. Who may write there may ask; there is
 * no key and no port. One line of JSON asks, one answers, and what was asked for is kept until the connection closes.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { StartupError } from '../../lib/startup-error.ts';
import { readLine } from './lines.ts';
import { socketPath } from './socket-path.ts';

/** Answers one call; `gone` resolves when who asked has closed the connection, or died. */
export type Handler = (params: unknown, gone: Promise<void>) => Promise<unknown>;

export type Request = { readonly call: string; readonly params: unknown };
export type Reply = { readonly value: unknown } | { readonly refusal: string };

const CONNECTIONS_MAX = 16;

export class ControlServer {
  readonly #handlers: Readonly<Record<string, Handler>>;
  readonly #onError: (error: unknown) => void;
  readonly #server: Server = createServer((socket) => void this.#serve(socket));
  readonly #sockets = new Set<Socket>();
  readonly #running = new Set<Promise<unknown>>();

  constructor(handlers: Readonly<Record<string, Handler>>, onError: (error: unknown) => void) {
    this.#handlers = handlers;
    this.#onError = onError;
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Only who holds the data folder may call this: a socket that is there is a dead process's. */
  async listen(dataFolder: string): Promise<void> {
    const path = socketPath(dataFolder);
    rmSync(path, { force: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(path, resolve);
    await promise;
    this.#server.on('error', this.#onError);
    chmodSync(path, 0o600);
  }

  /** Lets go of everybody, and waits for what is being done for them. */
  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.allSettled(this.#running);
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    // Who asks may die at any moment; `close` tells.
    socket.on('error', () => undefined);
    const gone = new Promise<void>((resolve) => {
      socket.once('close', () => {
        this.#sockets.delete(socket);
        resolve();
      });
    });
    const answering = this.#answer(socket, gone);
    this.#running.add(answering);
    await answering;
    this.#running.delete(answering);
  }

  async #answer(socket: Socket, gone: Promise<void>): Promise<void> {
    let reply: Reply;
    try {
      const { call, params } = JSON.parse(await readLine(socket)) as Request;
      const handler = Object.hasOwn(this.#handlers, call) ? this.#handlers[call] : undefined;
      if (handler === undefined) throw new StartupError(`The server does not know '${call}'.`);
      reply = { value: await handler(params, gone) };
    } catch (error) {
      // What the operator can mend is said; all else is for the log.
      if (!(error instanceof StartupError)) this.#onError(error);
      const refusal = error instanceof Error ? error.message : String(error);
      reply = { refusal };
    }
    if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
  }
}
