/**
 * A load client for one purpose: v1 meter events over keep-alive connections, each waiting for its answer
 * before it sends again, with the headers that the Node SDK sends. Raw sockets, so that the client takes as
 * little as it can of the cores it shares with the server. Prints one line of JSON.
 */
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export type LoadOptions = {
  readonly port: number;
  readonly key: string;
  readonly connections: number;
  /** Ends after this many answers or this many milliseconds, whichever is first. */
  readonly eventsMax: number;
  readonly durationMs: number;
};
export type LoadResult = {
  readonly answered: number;
  readonly failed: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one core. */
  readonly clientCpu: number;
};

const CLIENT_AGENT = JSON.stringify({
  bindings_version: '23.1.0',
  lang: 'node',
  publisher: 'stripe',
  lang_version: 'v24.0.0',
  platform: 'linux',
});
const HEADER_END = '\r\n\r\n';

class Connection {
  readonly #socket: Socket;
  #received = '';
  #answered: (status: number) => void = () => undefined;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1').on('data', (text: string) => this.#read(text));
  }

  send(request: string): Promise<number> {
    this.#socket.write(request);
    return new Promise((resolve) => {
      this.#answered = resolve;
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#received += text;
    const headerEnd = this.#received.indexOf(HEADER_END);
    if (headerEnd === -1) return;
    const header = this.#received.slice(0, headerEnd);
    const length = Number(/content-length: (\d+)/iu.exec(header)?.[1] ?? 0);
    if (this.#received.length < headerEnd + HEADER_END.length + length) return;
    this.#received = '';
    this.#answered(Number(header.slice(9, 12)));
  }
}

function meterEvent(key: string): string {
  const customer = `cus_${Math.floor(Math.random() * 1000)}`;
  const value = (Math.random() * 100).toFixed(2);
  const body =
    `event_name=requests&payload[stripe_customer_id]=${customer}&payload[value]=${value}` +
    `&identifier=${randomUUID()}`;
  return [
    'POST /v1/billing/meter_events HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Bearer ${key}`,
    'Accept: application/json',
    'Content-Type: application/x-www-form-urlencoded',
    'User-Agent: Stripe/v1 NodeBindings/23.1.0',
    `X-Stripe-Client-User-Agent: ${CLIENT_AGENT}`,
    'Stripe-Version: 2026-10-28.endive',
    `Idempotency-Key: stripe-node-retry-${randomUUID()}`,
    'Connection: keep-alive',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

async function run(options: LoadOptions): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  let failed = 0;
  let begun = 0;
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  const isOver = (): boolean =>
    begun >= options.eventsMax || performance.now() - startMs >= options.durationMs;
  const worker = async (): Promise<void> => {
    const connection = new Connection(options.port);
    while (!isOver()) {
      begun += 1;
      const request = meterEvent(options.key);
      const sentMs = performance.now();
      const status = await connection.send(request);
      latenciesMs.push(performance.now() - sentMs);
      if (status !== 200) failed += 1;
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: options.connections }, worker));
  const elapsedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number => latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0;
  return {
    answered: latenciesMs.length,
    failed,
    elapsedMs,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    clientCpu: (user + system) / 1000 / elapsedMs,
  };
}

console.log(JSON.stringify(await run(JSON.parse(String(process.argv[2])) as LoadOptions)));
