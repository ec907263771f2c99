/** A receiver of webhooks on loopback that answers as it is told, and keeps what it got. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Got = {
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
};
export type Answer = (got: Got, response: ServerResponse) => void;

export const OK: Answer = (_got, response) => void response.end('thanks');

export class Receiver {
  readonly got: Got[] = [];
  answer: Answer = OK;
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const got = { path: request.url ?? '', body, headers: request.headers };
      this.got.push(got);
      this.answer(got, response);
    });
  });

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  /** Ids of the events that came, in order. */
  get ids(): readonly string[] {
    return this.got.map(({ body }) => (JSON.parse(body) as { id: string }).id);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
