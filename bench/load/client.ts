/**
 * The load: v1 or stream requests over keep-alive connections, from a process of its own. Takes its options as
 * one argument of JSON, prints its result as one line of JSON.
 *
 * Closed loop: each connection sends as soon as it was answered; for peaks. Open loop: requests are due at a
 * fixed rate whatever the answers do, and a latency counts from when its request was due, so that a stall is
 * seen by every request that it held up; for percentiles.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { Connection } from './connection.ts';
import { Random } from './random.ts';
import { prepareRequest, Sent, type LoadRequest, type RequestOptions } from './requests.ts';

export type LoadOptions = {
  readonly port: number;
  readonly kind: RequestOptions['kind'];
  /** Of a `get`. */
  readonly path?: string;
  readonly secret: string;
  readonly connections: number;
  /** Events a request; v1 has one. */
  readonly batch: number;
  readonly duplicates: number;
  /** The share of events that are one customer's; 0 when absent. */
  readonly hot?: number;
  readonly durationMs: number;
  /** Requests a second of an open loop; null: closed loop. */
  readonly requestsPerS: number | null;
};
export type LoadResult = {
  readonly events: number;
  readonly requests: number;
  readonly failed: number;
  /** The first answer that was no success. */
  readonly failure: string | null;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** From when it was sent: under overload, how long who got through had to wait. */
  readonly sentP50Ms: number;
  readonly sentP99Ms: number;
  /** Open loop: how late this process itself sent a request for which a connection was free. */
  readonly lateP99Ms: number;
  /** Of one core. */
  readonly clientCpu: number;
  readonly clientUsAnEvent: number;
  /** Events that were answered in each second. */
  readonly eachSecond: readonly number[];
};

const NS_PER_MS = 1e6;

class Load {
  readonly #options: LoadOptions;
  readonly #latencies = createHistogram();
  readonly #sentLatencies = createHistogram();
  readonly #lateness = createHistogram();
  readonly #requests = new Map<Connection, LoadRequest>();
  /** When the request that a connection waits for was due. */
  readonly #dueMs = new Map<Connection, number>();
  readonly #sentMs = new Map<Connection, number>();
  readonly #idle: Connection[] = [];
  /** Open loop: requests that are due and found no connection free. */
  readonly #waitingDueMs: number[] = [];
  readonly #eachSecond: number[] = [];
  readonly #done = Promise.withResolvers<void>();
  #begun = 0;
  #answered = 0;
  #events = 0;
  #failed = 0;
  #failure: string | null = null;
  #startMs = 0;
  #endMs = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  async run(): Promise<LoadResult> {
    await this.#connect();
    const cpu = process.cpuUsage();
    this.#startMs = performance.now();
    if (this.#options.requestsPerS === null) {
      for (const connection of this.#requests.keys()) this.#send(connection, this.#startMs);
    } else {
      this.#idle.push(...this.#requests.keys());
      this.#beat(this.#options.requestsPerS);
    }
    await this.#done.promise;
    const { user, system } = process.cpuUsage(cpu);
    for (const connection of this.#requests.keys()) connection.close();
    return this.#result(user + system);
  }

  async #connect(): Promise<void> {
    const { port, kind, path, secret, batch, duplicates, hot, connections } = this.#options;
    const random = new Random();
    const sent = new Sent();
    const request = { kind, path, secret, events: batch, duplicates, hot, nowMs: Date.now() };
    for (let i = 0; i < connections; i += 1) {
      const connection = new Connection(
        port,
        (status, from, answer) => this.#onAnswer(status, from, answer),
        (error) => this.#done.reject(new Error('the server ended a connection', { cause: error })),
      );
      await connection.opened();
      this.#requests.set(connection, prepareRequest(request, random, sent));
    }
  }

  #send(connection: Connection, dueMs: number): void {
    const request = this.#requests.get(connection);
    if (request === undefined) return;
    this.#begun += 1;
    this.#dueMs.set(connection, dueMs);
    this.#sentMs.set(connection, performance.now());
    connection.send(request.bytes);
  }

  #onAnswer(status: number, connection: Connection, answer: Buffer): void {
    const nowMs = performance.now();
    const request = this.#requests.get(connection);
    if (request === undefined) return;
    const latencyMs = nowMs - (this.#dueMs.get(connection) ?? nowMs);
    record(this.#latencies, latencyMs);
    record(this.#sentLatencies, nowMs - (this.#sentMs.get(connection) ?? nowMs));
    this.#answered += 1;
    this.#endMs = nowMs;
    if (status === 200) {
      this.#events += request.events;
      const second = Math.floor((nowMs - this.#startMs) / 1000);
      this.#eachSecond[second] = (this.#eachSecond[second] ?? 0) + request.events;
    } else {
      this.#failed += 1;
      this.#failure ??= answer.toString();
    }
    this.#next(connection, request, nowMs);
  }

  #next(connection: Connection, request: LoadRequest, nowMs: number): void {
    const dueMs = this.#options.requestsPerS === null ? nowMs : this.#waitingDueMs.shift();
    if (dueMs === undefined || this.#isOver(nowMs)) {
      this.#idle.push(connection);
      if (this.#isOver(nowMs) && this.#answered === this.#begun) this.#done.resolve();
      return;
    }
    request.refresh();
    this.#send(connection, dueMs);
  }

  #isOver(nowMs: number): boolean {
    return nowMs - this.#startMs >= this.#options.durationMs;
  }

  /** Sends what is due, once a millisecond (a timer's grain), until the time is over. */
  #beat(requestsPerS: number): void {
    const intervalMs = 1000 / requestsPerS;
    let dueMs = this.#startMs;
    const tick = (): void => {
      const nowMs = performance.now();
      if (this.#isOver(nowMs)) {
        clearInterval(timer);
        if (this.#answered === this.#begun) this.#done.resolve();
        return;
      }
      for (; dueMs <= nowMs; dueMs += intervalMs) {
        const connection = this.#idle.shift();
        if (connection === undefined) {
          this.#waitingDueMs.push(dueMs);
          continue;
        }
        record(this.#lateness, performance.now() - dueMs);
        this.#requests.get(connection)?.refresh();
        this.#send(connection, dueMs);
      }
    };
    const timer = setInterval(tick, 1);
  }

  #result(cpuUs: number): LoadResult {
    const elapsedMs = this.#endMs - this.#startMs;
    // Requests that never found a connection were due all the same: their wait so far counts.
    for (const dueMs of this.#waitingDueMs) record(this.#latencies, this.#endMs - dueMs);
    return {
      events: this.#events,
      requests: this.#answered,
      failed: this.#failed,
      failure: this.#failure,
      elapsedMs,
      p50Ms: this.#latencies.percentile(50) / NS_PER_MS,
      p99Ms: this.#latencies.percentile(99) / NS_PER_MS,
      maxMs: this.#latencies.max / NS_PER_MS,
      sentP50Ms: this.#sentLatencies.percentile(50) / NS_PER_MS,
      sentP99Ms: this.#sentLatencies.percentile(99) / NS_PER_MS,
      lateP99Ms: this.#lateness.count === 0 ? 0 : this.#lateness.percentile(99) / NS_PER_MS,
      clientCpu: cpuUs / 1000 / elapsedMs,
      clientUsAnEvent: this.#events === 0 ? 0 : cpuUs / this.#events,
      eachSecond: Array.from(this.#eachSecond, (events) => events ?? 0),
    };
  }
}

function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * NS_PER_MS)));
}

const load = new Load(JSON.parse(String(process.argv[2])) as LoadOptions);
console.log(JSON.stringify(await load.run()));
