/** Bodies with `Content-Encoding`: gzip and zstd, on every version of the API, within the bounds of any body. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { createMeter } from '../support/fixtures.ts';
import { call, errorOf, toForm, type Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { exchange, statuses } from '../support/raw.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { Server, TEST_KEY } from '../support/server.ts';
import { openStream } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart, nowS } from '../support/times.ts';
import { V2_EVENTS, V2_STREAM, v2ErrorOf, v2Event } from '../support/v2.ts';

const PACK = {
  gzip: (body: string | Buffer) => gzipSync(body),
  zstd: (body: string | Buffer) => zstdCompressSync(body),
} as const;
const CODINGS = ['gzip', 'zstd'] as const;
const V1_EVENTS = '/v1/billing/meter_events';

let server: Server;
let meter: Stripe.Billing.Meter;
let token: string;
before(async () => {
  server = await Server.start();
  meter = await createMeter(newClient(server));
  token = await openStream(server);
});
after(async () => {
  await server.remove();
});

type Wire = { readonly path: string; readonly body: (customer: string) => string };
const WIRES: readonly Wire[] = [
  {
    path: V1_EVENTS,
    body: (customer) =>
      toForm({
        event_name: meter.event_name,
        'payload[stripe_customer_id]': customer,
        'payload[value]': 1,
      }),
  },
  { path: V2_EVENTS, body: (customer) => JSON.stringify(v2Event(meter, { customer })) },
  {
    path: V2_STREAM,
    body: (customer) => JSON.stringify({ events: [v2Event(meter, { customer })] }),
  },
];

function keyOf(path: string): string {
  return path === V2_STREAM ? token : TEST_KEY;
}

async function post(
  path: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const type = path.startsWith('/v1') ? 'application/x-www-form-urlencoded' : 'application/json';
  const key = keyOf(path);
  return await call(server, { path, body, key, headers: { 'content-type': type, ...headers } });
}

async function counted(customer: string): Promise<string> {
  const end_time = Math.floor(nowS() / DAY_S) * DAY_S + DAY_S;
  return await total(server, { meter: meter.id, customer, start_time: dayStart(1), end_time });
}

for (const { path, body } of WIRES) {
  describe(path, () => {
    for (const coding of CODINGS) {
      test(`${coding} is unpacked, with a length and in chunks`, async () => {
        const customer = unique('cus');
        const packed = PACK[coding](body(customer));
        const said = { 'content-encoding': coding };
        assert.equal((await post(path, packed, said)).status, 200);
        // Handed to node:http, which a request with a known length need not be.
        const chunks = `${packed.length.toString(16)}\r\n`;
        const head =
          `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keyOf(path)}\r\nContent-Encoding: ${coding}\r\n` +
          'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
        const sent = [Buffer.from(head + chunks), packed, Buffer.from('\r\n0\r\n\r\n')];
        assert.deepEqual(statuses(await exchange(server, Buffer.concat(sent))), [200]);
        assert.equal(await counted(customer), '2');
      });
    }

    test('a key names what was unpacked, however it came', async () => {
      const customer = unique('cus');
      const headers = { 'idempotency-key': unique('key') };
      const sent = body(customer);
      const first = await post(path, sent, headers);
      assert.equal(first.status, 200, first.text);
      for (const coding of CODINGS) {
        const said = { ...headers, 'content-encoding': coding };
        const again = await post(path, PACK[coding](sent), said);
        assert.deepEqual([again.status, again.text], [200, first.text]);
        assert.equal(again.headers['idempotent-replayed'], 'true');
        const other = await post(path, PACK[coding](body(unique('cus'))), said);
        assert.equal(other.status, path.startsWith('/v1') ? 400 : 409, other.text);
      }
      assert.equal(await counted(customer), '1');
    });

    test('a bomb is refused as too large, and what is not whole as invalid', async () => {
      for (const coding of CODINGS) {
        const said = { 'content-encoding': coding };
        const bomb = PACK[coding](Buffer.alloc(100 * 1024 * 1024, 'a=1&'));
        const answer = await post(path, bomb, said);
        assert.equal(answer.status, 413, answer.text);
        const packed = PACK[coding](body('nobody'));
        for (const wrong of [packed.subarray(0, -1), Buffer.from(body('nobody'))]) {
          const refused = await post(path, wrong, said);
          assert.equal(refused.status, 400, refused.text);
          assert.match(errorOf(refused).message, /^Invalid request body: /u);
        }
      }
      assert.equal(await counted('nobody'), '0');
    });
  });
}

test('another coding is a 415 that names those that are taken', async () => {
  for (const coding of ['br', 'deflate', 'gzip, gzip', 'nonsense']) {
    const message = `Invalid Content-Encoding: must be gzip or zstd, not "${coding}".`;
    const headers = { 'content-encoding': coding };
    const v1 = await post(V1_EVENTS, 'x', headers);
    assert.deepEqual(errorOf(v1), { message, type: 'invalid_request_error' });
    const v2 = await post(V2_EVENTS, 'x', headers);
    assert.deepEqual(v2ErrorOf(v2), { code: 'content_coding_unsupported', message });
    for (const answer of [v1, v2]) {
      assert.equal(answer.status, 415);
      assert.equal(answer.headers['accept-encoding'], 'gzip, zstd');
      assert.equal(answer.headers['stripe-should-retry'], 'false');
    }
  }
  const plain = await post(V1_EVENTS, WIRES[0]!.body('plain'), { 'content-encoding': 'identity' });
  assert.equal(plain.status, 200, plain.text);
});

test('a wrong key is told before anything is unpacked, and the connection goes on behind it', async () => {
  const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024));
  const request = (key: string, body: Buffer, coding: string, last = ''): Buffer =>
    Buffer.concat([
      Buffer.from(
        `POST ${V1_EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Encoding: ${coding}\r\n` +
          `Content-Length: ${body.length}\r\n${last}\r\n`,
      ),
      body,
    ]);
  const small = bomb.subarray(0, 1000);
  const good = gzipSync(WIRES[0]!.body('behind'));
  const sent = Buffer.concat([
    request('sk_test_wrong', small, 'gzip'),
    request(TEST_KEY, small, 'gzip'),
    request(TEST_KEY, good, 'gzip', 'Connection: close\r\n'),
  ]);
  const { text } = await exchange(server, sent);
  const answered = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /gu)].map(([, status]) => Number(status));
  assert.deepEqual(answered, [401, 400, 200]);
  assert.equal(await counted('behind'), '1');
});

test('many bombs at once cost no more memory than bodies', async () => {
  const bombs = CODINGS.map((coding) => PACK[coding](Buffer.alloc(200 * 1024 * 1024)));
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const coding = CODINGS[index % 2]!;
      return await post(V2_STREAM, bombs[index % 2]!, { 'content-encoding': coding });
    }),
  );
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([413]));
  const peak = /VmHWM:\s+(\d+)/u.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1];
  assert.ok(Number(peak) < 1024 * 1024, `${peak} kB resident`);
});
