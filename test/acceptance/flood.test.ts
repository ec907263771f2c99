/**
 * P10: answers have an end, as requests do. Clients that send ahead and do not read get one answer after the other, as far as
 * they are fetched; meanwhile the others are served, and memory stays within a bound.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { Agent } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { Flooder, residentBytes } from '../support/flood.ts';
import { call, toForm } from '../support/http.ts';
import { createKey } from '../support/keys.ts';
import { newClient } from '../support/sdk.ts';
import { Server, TEST_KEY } from '../support/server.ts';
import { until } from '../support/wait.ts';

const MIB = 1024 * 1024;
/** Far below what was held before there was a bound, which was all that could be asked for. */
const GROWTH_MAX = 700 * MIB;
/** What a read of a socket brings at once. */
const READ_BYTES = 64 * 1024;
const HEADERS = `Host: x\r\nAuthorization: Bearer ${TEST_KEY}\r\n`;
const METADATA = Object.fromEntries(
  Array.from({ length: 50 }, (_, n) => [
    `metadata[${'k'.repeat(38)}${n + 10}]`,
    '\u0001'.repeat(500),
  ]),
);

describe(
  'clients that send ahead and do not read',
  { skip: !existsSync('/proc/self/status') },
  () => {
    let server: Server;
    let otherKey = '';
    let eventName = '';
    let baseBytes = 0;
    let flooders: Flooder[] = [];

    before(async () => {
      server = await Server.start();
      otherKey = await createKey(server.folder, '--account', 'acct_other');
      eventName = (await createMeter(newClient(server, { key: otherKey }))).event_name;
      for (let n = 0; n < 8; n += 1) {
        const { status } = await call(server, { path: '/v1/customers', body: METADATA });
        assert.equal(status, 200);
      }
      await honest();
      baseBytes = residentBytes(server.pid);
    });
    after(async () => await server.remove());

    async function flood(connections: number, bytes: string): Promise<void> {
      flooders = await Promise.all(
        Array.from({ length: connections }, async () => await Flooder.open(server, bytes)),
      );
    }

    /** What an honest client does, on a connection of its own: both are answered. */
    async function honest(): Promise<void> {
      const agent = new Agent();
      const health = await call(server, { path: '/healthz', key: null, agent });
      assert.equal(health.status, 200, health.text);
      const event = { event_name: eventName, 'payload[stripe_customer_id]': 'c' };
      const body = toForm({ ...event, 'payload[value]': 1 });
      const sent = await call(server, {
        path: '/v1/billing/meter_events',
        body,
        key: otherKey,
        agent,
      });
      assert.equal(sent.status, 200, sent.text);
      agent.destroy();
    }

    async function assertServes(): Promise<void> {
      for (let time = 0; time < 5; time += 1) {
        await honest();
        const grown = residentBytes(server.pid) - baseBytes;
        assert.ok(grown < GROWTH_MAX, `it has grown by ${Math.round(grown / MIB)} MiB`);
      }
    }

    function leave(): void {
      for (const flooder of flooders) flooder.end();
    }

    test('of pages that need no key: the others are served, and the rest comes as it is fetched', async () => {
      const one = 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n';
      const count = Math.floor(READ_BYTES / one.length);
      await flood(20, one.repeat(count));
      await assertServes();
      const [first] = flooders as [Flooder];
      void first.readAll();
      await until('all of them are answered', () => first.statuses.length === count);
      assert.ok(first.statuses.every((status) => status === 200));
      leave();
    });

    test('of long lists, in one write: the process lives', async () => {
      const one = `GET /v1/customers?limit=100 HTTP/1.1\r\n${HEADERS}\r\n`;
      await flood(2, one.repeat(Math.floor(READ_BYTES / one.length)));
      await assertServes();
      leave();
    });

    test('of long lists, on many connections', async () => {
      const one = `GET /v1/customers?limit=100 HTTP/1.1\r\n${HEADERS}\r\n`;
      await flood(50, one.repeat(10));
      await assertServes();
      assert.equal((await call(server, { path: '/v1/customers', key: otherKey })).status, 200);
      leave();
      await until('there is room', async () => {
        return (await call(server, { path: '/v1/customers' })).status === 200;
      });
    });

    test('of plain requests, which are answered past node:http', async () => {
      const body = toForm(METADATA);
      const one = `POST /v1/customers HTTP/1.1\r\n${HEADERS}Content-Length: ${body.length}\r\n\r\n${body}`;
      // Answers of 150 KB to requests of half of that.
      await flood(10, one.repeat(20));
      await assertServes();
      leave();
    });
  },
);
