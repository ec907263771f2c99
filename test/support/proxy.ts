/**
 * A proxy that loses answers: the server gets the request and answers it in full, then the client's
 * connection is cut before a byte of the answer. So an SDK meets the one failure after which only the server
 * knows what happened.
 */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Seen = {
  readonly method: string;
  readonly path: string;
  readonly idempotencyKey: string | undefined;
  readonly body: string;
  /** The server's answer; undefined when it gave none. */
  readonly status: number | undefined;
  readonly answer: string;
  readonly dropped: boolean;
};

type Upstream = { readonly host: string; readonly port: number };
/** Runs after the server has answered and before the client's connection is cut. */
type BeforeCut = () => Promise<void>;

export class DroppingProxy {
  readonly host = '127.0.0.1';
  readonly seen: Seen[] = [];
  private readonly upstream: Upstream;
  private readonly drops = new Map<number, BeforeCut>();
  private arrived = 0;
  private readonly http = createServer((incoming, outgoing) => void this.pass(incoming, outgoing));

  private constructor(upstream: Upstream) {
    this.upstream = upstream;
  }

  /** `upstream` may change its port: it is asked for each request. */
  static async start(upstream: Upstream): Promise<DroppingProxy> {
    const proxy = new DroppingProxy(upstream);
    proxy.http.listen(0, proxy.host);
    await once(proxy.http, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.http.address() as AddressInfo).port;
  }
  get url(): string {
    return `http://${this.host}:${this.port}`;
  }

  /** Loses the answer to the n-th request from now on; 1 is the next. */
  dropAnswer(nth = 1, beforeCut: BeforeCut = async () => {}): void {
    this.drops.set(this.arrived + nth, beforeCut);
  }

  async close(): Promise<void> {
    this.http.closeAllConnections();
    this.http.close();
    await once(this.http, 'close');
  }

  private async pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const beforeCut = this.drops.get(++this.arrived);
    const body = await readAll(incoming);
    const answer = await this.forward(incoming, body);
    this.seen.push({
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      idempotencyKey: incoming.headers['idempotency-key']?.toString(),
      body: body.toString('utf8'),
      status: answer?.message.statusCode,
      answer: answer?.body.toString('utf8') ?? '',
      dropped: beforeCut !== undefined,
    });
    if (beforeCut !== undefined) await beforeCut();
    if (beforeCut !== undefined || answer === undefined) {
      incoming.socket.destroy();
      return;
    }
    outgoing.writeHead(answer.message.statusCode ?? 502, answer.message.rawHeaders);
    outgoing.end(answer.body);
  }

  private async forward(
    incoming: IncomingMessage,
    body: Buffer,
  ): Promise<{ readonly message: IncomingMessage; readonly body: Buffer } | undefined> {
    const { host, port } = this.upstream;
    const { method, url, headers } = incoming;
    return await new Promise((settle) => {
      const forwarded = request(
        { host, port, method, path: url, headers, agent: false },
        (message) => {
          readAll(message).then(
            (answer) => settle({ message, body: answer }),
            () => settle(undefined),
          );
        },
      );
      forwarded.on('error', () => settle(undefined));
      forwarded.end(body);
    });
  }
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
