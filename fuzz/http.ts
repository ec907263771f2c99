/** Sends mutated requests to a real server over raw sockets. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createMeter } from '../test/support/fixtures.ts';
import type { Random } from '../test/support/random.ts';
import { newClient } from '../test/support/sdk.ts';
import { TEST_KEY, type Server } from '../test/support/server.ts';
import { openStream } from '../test/support/stream.ts';
import { corpusOf } from './corpus.ts';
import { generateForm, generateJson } from './generate.ts';
import { Mutator } from './mutate.ts';
import { Finding } from './readers.ts';
import { onWatchedServer, type Watched } from './watched-server.ts';

const CONNECTIONS = 16;
/** A request that is not whole yet is not waited for: the timeouts have tests of their own. */
const PATIENCE_MS = 100;

export type HttpResult = Watched & {
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
};

/** Throws a Finding for a 5xx, what is no envelope, and a server that logs a failure, hangs, grows or miscounts. */
export async function fuzzHttp(random: Random, forMs: number): Promise<HttpResult> {
  const tally: Record<string, number> = {};
  let requests = 0;
  const watched = await onWatchedServer(forMs, async (server, endMs) => {
    const mutator = await newMutator(server, random);
    const worker = async (): Promise<void> => {
      while (performance.now() < endMs()) {
        requests += 1;
        const input = mutator.next();
        const answer = await send(server, input);
        for (const outcome of check(input, answer)) tally[outcome] = (tally[outcome] ?? 0) + 1;
      }
    };
    return async () => {
      await Promise.all(Array.from({ length: CONNECTIONS }, worker));
      assert.ok(requests > 0 && Object.keys(tally).length > 3, 'hardly anything was answered');
    };
  });
  return { requests, statuses: tally, ...watched };
}

async function newMutator(server: Server, random: Random): Promise<Mutator> {
  const meter = await createMeter(newClient(server), { event_name: 'requests' });
  const token = await openStream(server);
  const from = (method: string, path: string, body = '', type = '', key = TEST_KEY): string =>
    `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n` +
    (body === ''
      ? '\r\n'
      : `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  const form = (path: string, body: string): string =>
    from('POST', path, body, 'application/x-www-form-urlencoded');
  const json = (path: string, body: string, key?: string): string =>
    from('POST', path, body, 'application/json', key);
  /** Of odd length, so that it is sent byte by byte. */
  const packed = (path: string, bytes: Buffer): string => {
    const type = 'application/x-www-form-urlencoded\r\nContent-Encoding: gzip';
    const sent = from('POST', path, bytes.toString('latin1'), type).replace(
      /Content-Length: \d+/u,
      `Content-Length: ${bytes.length}`,
    );
    return sent.length % 2 === 0 ? sent.replace('Host: x', 'Host: xy') : sent;
  };
  const range = 'customer=cus_1&start_time=0&end_time=86400&value_grouping_window=hour';
  const one = '{"event_name":"requests","payload":{"stripe_customer_id":"c","value":"1"}}';
  const events = '/v1/billing/meter_events';
  const stream = '/v2/billing/meter_event_stream';
  return new Mutator(random, {
    corpus: [
      form(events, 'event_name=requests&payload[stripe_customer_id]=c&payload[value]=1'),
      form('/v1/billing/meters', 'display_name=a&event_name=b&default_aggregation[formula]=sum'),
      form(`/v1/billing/meters/${meter.id}`, 'display_name=b'),
      form(
        '/v1/billing/meter_event_adjustments',
        'type=cancel&event_name=requests&cancel[identifier]=x',
      ),
      form('/v1/customers', 'name=a&metadata[k]=v').replace('Host', 'Idempotency-Key: k\r\nHost'),
      json('/v2/billing/meter_events', one),
      json(stream, `{"events":[${one},${one}]}`, token),
      json('/v2/billing/meter_event_session', '{}'),
      from('GET', `/v1/billing/meters/${meter.id}/event_summaries?${range}`),
      from('GET', '/v1/customers?limit=3&starting_after=cus_1'),
      packed(
        events,
        gzipSync('event_name=requests&payload[stripe_customer_id]=c&payload[value]=1'),
      ),
      form(events, 'x').replace(
        /Content-Length: 1\r\n\r\nx/u,
        'Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
      ),
    ],
    tokens: corpusOf('http').tokens,
    lengthMax: 256 * 1024,
    generate: () => {
      const kind = random.below(3);
      if (kind === 0) return form(events, generateForm(random));
      if (kind === 1) return json('/v2/billing/meter_events', generateJson(random));
      return json(stream, `{"events":[${generateJson(random)},${generateJson(random)}]}`, token);
    },
  });
}

/** What came back until the server closed, or had answered, or was waiting for more. */
async function send(server: Server, input: string): Promise<string> {
  return await new Promise((settle) => {
    const socket = connect(server.port, server.host);
    let text = '';
    const done = (): void => {
      socket.destroy();
      settle(text);
    };
    socket.setTimeout(PATIENCE_MS, done);
    socket.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      if (text.endsWith('}')) done();
    });
    socket.on('error', () => undefined).on('close', done);
    // One byte a character, so that what is no UTF-8 gets there too.
    socket.write(Buffer.from(input, input.length % 2 === 0 ? 'utf8' : 'latin1'));
  });
}

/** How each answer came out. */
function check(input: string, answer: string): string[] {
  try {
    const answers = answer.split(/(?=HTTP\/1\.1 \d{3} )/u).filter((one) => one !== '');
    if (answers.length === 0) return ['none'];
    return answers.map((one) => {
      const [, status = ''] = /^HTTP\/1\.1 (\d{3}) /u.exec(one) ?? [];
      assert.match(status, /^(?:100|2\d\d|4\d\d)$/u, one.slice(0, 500));
      const body = one.slice(one.indexOf('\r\n\r\n') + 4);
      if (status.startsWith('4') && body.endsWith('}')) {
        const { error } = JSON.parse(body) as { error: { message: string } };
        assert.ok(error.message.length > 0 && error.message.length < 1_000, 'a wrong message');
        assert.doesNotMatch(body, /node_modules|\.ts:\d|\bat \w+ \(/u);
      }
      return status;
    });
  } catch (error) {
    throw new Finding(`a request: ${JSON.stringify(input.slice(0, 5_000))}`, { cause: error });
  }
}
