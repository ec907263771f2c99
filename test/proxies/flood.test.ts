/** Behind nginx and HAProxy: clients that send ahead and do not read hold up none of the others, and fill no memory. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { residentBytes } from '../support/flood.ts';
import { FrontProxy, lacks, PROXY_KINDS } from '../support/front-proxy.ts';
import { call } from '../support/http.ts';
import { Server, TEST_KEY } from '../support/server.ts';

const HEADERS = `Host: x\r\nAuthorization: Bearer ${TEST_KEY}\r\n`;
const CONNECTIONS = 60;
const MIB = 1024 * 1024;
/** Less than a tenth of what is asked for. */
const GROWTH_MAX = 500 * MIB;
/** A page of 100 of these is 1 MiB. */
const METADATA = Object.fromEntries(
  Array.from({ length: 20 }, (_, n) => [`metadata[key${n}]`, 'x'.repeat(500)]),
);

describe('behind', () => {
  for (const kind of PROXY_KINDS) {
    test(kind, { skip: lacks(kind) ?? false }, async () => {
      const server = await Server.start({ args: ['--proxies', '1'] });
      const proxy = await FrontProxy.start(kind, server.port);
      try {
        const path = '/v1/customers';
        for (let n = 0; n < 100; n += 1) {
          assert.equal((await call(server, { path, body: METADATA })).status, 200);
        }
        const before = residentBytes(server.pid);
        const list = `GET ${path}?limit=100 HTTP/1.1\r\n${HEADERS}\r\n`;
        const flooders = Array.from({ length: CONNECTIONS }, () => {
          const socket = proxy.open();
          socket.pause();
          socket.write(list.repeat(100));
          return socket;
        });
        for (let n = 0; n < 10; n += 1) {
          const body = 'name=honest';
          const head = `POST ${path} HTTP/1.1\r\n${HEADERS}Connection: close\r\n`;
          const honest = `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
          assert.match(await proxy.exchange(honest), /^HTTP\/1\.1 200 /u);
          assert.equal((await call(server, { path: '/healthz', key: null })).status, 200);
          const grown = residentBytes(server.pid) - before;
          assert.ok(grown < GROWTH_MAX, `it has grown by ${Math.round(grown / MIB)} MiB`);
        }
        for (const socket of flooders) socket.destroy();
      } finally {
        await proxy.stop();
        await server.remove();
      }
    });
  }
});
