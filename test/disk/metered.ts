/** A server on failing disks with a meter that counts one customer's events, and what is asked of it. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { call, errorOf, type Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { runCli, Server, type LaunchOptions } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';

/** When all its events are. */
export const startS = dayStart(2);

/** 4 KB more for an event. */
export const TAGS = Object.fromEntries(
  Array.from({ length: 40 }, (_, n) => [`tag${n}`, 'x'.repeat(100)]),
);

export class Metered {
  readonly server: Server;
  readonly meter: Stripe.Billing.Meter;

  private constructor(server: Server, meter: Stripe.Billing.Meter) {
    this.server = server;
    this.meter = meter;
  }

  /** The server goes with the test. */
  static async start(t: TestContext, options: LaunchOptions): Promise<Metered> {
    const server = Server.launch(options);
    t.after(async () => await server.remove());
    await server.ready();
    return new Metered(server, await createMeter(newClient(server), { formula: 'count' }));
  }

  get client(): Stripe {
    return newClient(this.server, { maxNetworkRetries: 0 });
  }

  async send(identifier: string, tags: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const payload = Object.entries({ stripe_customer_id: 'c', value: '1', ...tags });
    const body = {
      event_name: this.meter.event_name,
      identifier,
      timestamp: startS,
      ...Object.fromEntries(payload.map(([name, value]) => [`payload[${name}]`, value])),
    };
    return await call(this.server, { path: '/v1/billing/meter_events', body });
  }

  /** How many events are counted. Throws when that is not answered. */
  async counted(): Promise<number> {
    const range = { start_time: startS, end_time: startS + DAY_S };
    return Number(await total(this.server, { meter: this.meter.id, customer: 'c', ...range }));
  }

  /** Sends it again. */
  async assertKnown(identifier: string): Promise<void> {
    const answer = await this.send(identifier);
    assert.equal(errorOf(answer).code, 'duplicate_meter_event', answer.text);
  }

  /** Sends large events until one is no success: `last` is its answer, undefined when none came. */
  async sendUntilRefused() {
    const acknowledged: string[] = [];
    for (;;) {
      const identifier = unique('evt');
      const last = await this.send(identifier, TAGS).catch(() => undefined);
      if (last?.status !== 200) return { acknowledged, last };
      acknowledged.push(identifier);
      assert.ok(acknowledged.length < 10_000, 'there is an end');
    }
  }

  /** Stops the server: the rollup must equal the events. */
  async assertAudited(): Promise<void> {
    const { server } = this;
    assert.equal((await server.stop()).code, 0, server.stderr);
    const audit = await runCli(['audit', '--data', server.folder], server.options);
    assert.equal(audit.code, 0, audit.stdout + audit.stderr);
  }
}
