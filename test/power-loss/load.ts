/** Clients of a server on a recorded disk, all at once, for a while; each notes what it is about to ask for, and what was answered. */
import assert from 'node:assert/strict';
import { readdirSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import type { Answer } from '../support/http.ts';
import { newRandom } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import { runCli, type Server } from '../support/server.ts';
import { openStream } from '../support/stream.ts';
import { nowMs, nowS } from '../support/times.ts';
import { pause } from '../support/wait.ts';
import { createEndpoint } from '../support/webhooks.ts';
import {
  cancel,
  countsOf,
  customerOf,
  EVENTS_A_CUSTOMER,
  listAll,
  makeMeter,
  METER,
  sendMany,
  sendOne,
  type ShownMeter,
} from './calls.ts';
import type { RecordedDisk } from './disk.ts';
import { noteOf, type Kind, type Ledger, type Named } from './ledger.ts';
import { pruneOld } from './old-events.ts';

export type LoadOptions = {
  readonly seconds: number;
  readonly seed: number;
  /** Where webhooks go. */
  readonly hook: string;
  /** A backup, and a restore of it, in the middle. */
  readonly backsUp: boolean;
  /** A prune in the middle. */
  readonly prunes: boolean;
};

const V1_PAUSE_MS = 20;
const STREAM_PAUSE_MS = 80;
const STREAM_EVENTS = 40;
const PART = /^\w+_\d+_\d+_0$/u;

export class Load {
  readonly #disk: RecordedDisk;
  readonly #server: Server;
  readonly #ledger: Ledger;
  readonly #options: LoadOptions;
  readonly #nowS: number;
  readonly #endMs: number;
  readonly #prefix: string;
  #meterId = '';
  #next: number;
  #watchers: FSWatcher[] = [];

  /** `ledger` is what was known before; it is kept up to date. */
  constructor(disk: RecordedDisk, server: Server, ledger: Ledger, options: LoadOptions) {
    this.#disk = disk;
    this.#server = server;
    this.#ledger = ledger;
    this.#options = options;
    this.#nowS = ledger.nowS ?? Math.floor(nowS() / 60) * 60 - 120;
    this.#next = Math.ceil(ledger.end / EVENTS_A_CUSTOMER) * EVENTS_A_CUSTOMER;
    this.#endMs = nowMs() + options.seconds * 1000;
    this.#prefix = `m${this.#next}_`;
  }

  async run(): Promise<void> {
    this.#note(JSON.stringify({ nowS: this.#nowS }));
    this.#watchParts();
    try {
      await this.#prepare();
      await Promise.all([
        this.#again(V1_PAUSE_MS, async () => {
          const [n = 0] = this.#take(1);
          await this.#ask('sent', 'acknowledged', [n], () => sendOne(this.#server, n, this.#nowS));
        }),
        this.#stream(),
        this.#cancels(),
        this.#again(250, async (time) => {
          const name = `${this.#prefix}${time}`;
          await this.#ask('meter', 'meter made', [name], () =>
            makeMeter(this.#server, name, 'count'),
          );
        }),
        this.#again(400, async (time) => {
          const customer = customerOf((time * 7919) % Math.max(1, this.#next));
          await countsOf(this.#server, { meter: this.#meterId, customer, nowS: this.#nowS });
        }),
        this.#options.backsUp ? this.#backup() : undefined,
        this.#options.prunes ? this.#prune() : undefined,
      ]);
    } finally {
      for (const watcher of this.#watchers) watcher.close();
    }
  }

  async #prepare(): Promise<void> {
    if (!this.#ledger.of['meter made'].has(METER)) {
      await this.#ask('meter', 'meter made', [METER], () => makeMeter(this.#server, METER, 'sum'));
    }
    const meters = await listAll<ShownMeter>(this.#server, '/v1/billing/meters');
    this.#meterId = meters.find(({ event_name }) => event_name === METER)?.id ?? '';
    const client = newClient(this.#server);
    await createEndpoint(client, this.#options.hook);
    await client.billing.alerts.create({
      title: 'Crossed at once',
      alert_type: 'usage_threshold',
      usage_threshold: { gte: 5, meter: this.#meterId, recurrence: 'one_time' },
    });
  }

  async #stream(): Promise<void> {
    const token = await openStream(this.#server);
    await this.#again(STREAM_PAUSE_MS, async () => {
      const numbers = this.#take(STREAM_EVENTS);
      const batch = { numbers, nowS: this.#nowS, hasRejected: true };
      await this.#ask('sent', 'acknowledged', numbers, () => sendMany(this.#server, token, batch));
    });
  }

  async #cancels(): Promise<void> {
    const random = newRandom(this.#options.seed);
    await this.#again(150, async () => {
      const known = [...this.#ledger.of.acknowledged].slice(-200);
      if (known.length === 0) return;
      const n = Number(random.pick(known));
      if (this.#ledger.of.cancel.has(n)) return;
      await this.#ask('cancel', 'cancelled', [n], () => cancel(this.#server, n));
    });
  }

  /** In the first half of the time, so that there are cuts after it too. */
  async #backup(): Promise<void> {
    await pause(this.#options.seconds * 250);
    const [backup, restored] = [`${this.#prefix}backup`, `${this.#prefix}restored`];
    const [to, copy] = [join(this.#disk.folder, backup), join(this.#disk.folder, restored)];
    const { folder } = this.#server;
    await this.#command('backup', 'backup made', backup, ['--to', to, '--data', folder]);
    await this.#command('restore', 'restore made', restored, ['--from', to, '--data', copy]);
  }

  async #prune(): Promise<void> {
    await pause(this.#options.seconds * 300);
    await pruneOld(this.#disk, this.#server, this.#ledger);
  }

  async #command(asked: Kind, done: Kind, name: string, args: readonly string[]): Promise<void> {
    this.#tell(asked, [name]);
    const { code, stderr } = await runCli([asked, ...args]);
    assert.equal(code, 0, stderr);
    this.#tell(done, [name]);
  }

  async #ask(
    asked: Kind,
    done: Kind,
    names: readonly Named[],
    send: () => Promise<Answer>,
  ): Promise<void> {
    this.#tell(asked, names);
    const { status, text } = await send();
    assert.equal(status, 200, text);
    this.#tell(done, names);
  }

  async #again(pauseMs: number, what: (time: number) => Promise<void>): Promise<void> {
    for (let time = 1; nowMs() < this.#endMs; time += 1) {
      await what(time);
      await pause(pauseMs);
    }
  }

  #take(count: number): number[] {
    const numbers = Array.from({ length: count }, (_, i) => this.#next + i);
    this.#next += count;
    return numbers;
  }

  #tell(kind: Kind, names: readonly Named[]): void {
    this.#note(noteOf(kind, names));
  }

  #note(line: string): void {
    this.#ledger.take(line);
    this.#disk.note(line);
  }

  /** Where cuts are worth most: some hundred microseconds after a part has its name. */
  #watchParts(): void {
    const store = join(this.#server.folder, 'usage/store');
    for (const start of readdirSync(store)) {
      for (const table of readdirSync(join(store, start))) {
        const folder = join(store, start, table);
        const watcher = watch(folder, (_event, name) => {
          if (name !== null && PART.test(name)) this.#note(JSON.stringify({ part: name }));
        });
        this.#watchers.push(watcher.on('error', () => undefined));
      }
    }
  }
}
