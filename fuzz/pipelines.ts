/**
 * Sends good requests ahead, of every kind and cut anywhere, from clients that read, read slowly, or do not read at all. A
 * client that reads gets the answer to each, in their order.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { createMeter } from '../test/support/fixtures.ts';
import { toForm } from '../test/support/http.ts';
import { unique, type Random } from '../test/support/random.ts';
import { newClient } from '../test/support/sdk.ts';
import { TEST_KEY, type Server } from '../test/support/server.ts';
import { pause, within } from '../test/support/wait.ts';
import { Finding } from './readers.ts';
import { onWatchedServer, type Watched } from './watched-server.ts';

const CONNECTIONS = 24;
const REQUESTS_MAX = 200;
/** How long a client keeps its connection that does not read. */
const SILENT_MS = 300;

export type PipelineResult = Watched & {
  readonly pipelines: number;
  readonly answers: number;
};

/** What is sent, and what its answer must be. */
type Sent = { readonly bytes: string; readonly answer: RegExp };

/** Throws a Finding for an answer that is missing, wrong or out of order, and as `onWatchedServer` does. */
export async function fuzzPipelines(random: Random, forMs: number): Promise<PipelineResult> {
  let [pipelines, answers] = [0, 0];
  const watched = await onWatchedServer(forMs, async (server, endMs) => {
    const eventName = (await createMeter(newClient(server))).event_name;
    const worker = async (): Promise<void> => {
      while (performance.now() < endMs()) {
        const count = 1 + random.below(random.chance(0.1) ? REQUESTS_MAX : 20);
        const sent = Array.from({ length: count }, () => request(random, eventName));
        pipelines += 1;
        if (random.chance(0.4)) await leaveUnread(server, random, sent);
        else {
          await readAll(server, random, sent);
          answers += count;
        }
      }
    };
    return async () => {
      await Promise.all(Array.from({ length: CONNECTIONS }, worker));
      assert.ok(answers > 0, 'nothing was answered');
    };
  });
  return { pipelines, answers, ...watched };
}

const HEADERS = `Host: x\r\nAuthorization: Bearer ${TEST_KEY}\r\n`;

function request(random: Random, eventName: string): Sent {
  const name = unique('n');
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\n${HEADERS}\r\n`;
  const customer = toForm({ name, 'metadata[a]': '\u0001'.repeat(random.below(500)) });
  const event = { event_name: eventName, identifier: name, 'payload[stripe_customer_id]': 'c' };
  const body = random.chance(0.3) ? customer : toForm({ ...event, 'payload[value]': '1' });
  const path = body === customer ? '/v1/customers' : '/v1/billing/meter_events';
  const head = `POST ${path} HTTP/1.1\r\n${HEADERS}`;
  const done = new RegExp(`^HTTP/1\\.1 200 [^]*"${name}"`, 'u');
  const cut = random.below(body.length);
  return random.pick<() => Sent>([
    () => ({ bytes: `${head}Content-Length: ${body.length}\r\n\r\n${body}`, answer: done }),
    // Not plain, so node:http reads it.
    () => ({
      bytes: `${head}TE: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      answer: done,
    }),
    () => ({
      bytes:
        `${head}Transfer-Encoding: chunked\r\n\r\n` +
        [body.slice(0, cut), body.slice(cut), '']
          .filter((part, index) => part !== '' || index === 2)
          .map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
          .join(''),
      answer: done,
    }),
    () => ({
      bytes: get(`/v1/customers/${name}`),
      answer: new RegExp(`^HTTP/1\\.1 404 [^]*'${name}'`, 'u'),
    }),
    () => ({ bytes: get('http://x/healthz'), answer: /^HTTP\/1\.1 200 [^]*"ok"/u }),
    () => ({ bytes: get('/metrics'), answer: /^HTTP\/1\.1 (?:200|429) /u }),
    // What is not fetched by others may leave no room for it.
    () => ({ bytes: get('//v1/customers?limit=100'), answer: /^HTTP\/1\.1 (?:200|429) [^]*\}$/u }),
  ])();
}

/** Sends it in pieces, and compares what comes back. */
async function readAll(server: Server, random: Random, sent: readonly Sent[]): Promise<void> {
  const socket = connect(server.port, server.host);
  const pieces: Buffer[] = [];
  const isSlow = random.chance(0.2);
  socket
    .on('error', () => undefined)
    .on('data', (piece: Buffer) => {
      pieces.push(piece);
      if (!isSlow) return;
      socket.pause();
      void pause(1).then(() => socket.resume());
    });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  // The last one ends the connection.
  const last = `GET /v1/last HTTP/1.1\r\n${HEADERS}Connection: close\r\n\r\n`;
  const bytes = sent.map((one) => one.bytes).join('') + last;
  for (let from = 0; from < bytes.length;) {
    const length = random.chance(0.5) ? bytes.length : 1 + random.below(2_000);
    socket.write(bytes.slice(from, from + length), 'latin1');
    from += length;
    if (random.chance(0.3)) await pause(1);
  }
  await within('all are answered', closed);
  const text = Buffer.concat(pieces).toString('latin1');
  const found = text.split(/(?=HTTP\/1\.1 \d{3} )/u);
  try {
    assert.equal(found.length, sent.length + 1);
    for (const [index, { answer }] of sent.entries()) assert.match(found[index] ?? '', answer);
    assert.match(found.at(-1) ?? '', /^HTTP\/1\.1 404 [^]*\/v1\/last/u);
  } catch (error) {
    throw new Finding(`a pipeline: ${JSON.stringify(bytes.slice(0, 5_000))}`, { cause: error });
  }
}

/** Sends it as often as fits into some 64 KB, and reads nothing. */
async function leaveUnread(server: Server, random: Random, sent: readonly Sent[]): Promise<void> {
  const socket = connect(server.port, server.host);
  socket.on('error', () => undefined);
  const gets = sent.filter(({ bytes }) => bytes.startsWith('GET'));
  const bytes = sent.map((one) => one.bytes).join('');
  const again = gets.map((one) => one.bytes).join('');
  const times = again === '' ? 0 : Math.floor((64 * 1024) / again.length);
  socket.pause();
  socket.write(bytes + again.repeat(times), 'latin1');
  await pause(random.below(SILENT_MS));
  socket.destroy();
}
