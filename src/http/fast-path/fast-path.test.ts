/** `--http-fast-path`: which of the two readers a request gets, by what node:http says of those that it reads. */
import assert from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import { connect } from 'node:net';
import { test } from 'node:test';
import { within } from '../../../test/support/wait.ts';
import { startTestServer } from '../testing/test-server.ts';

const PLAIN = 'POST /v1/customers HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
const OTHER = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

/** What node:http reads of one plain request and one that is not, on one connection. */
async function readByNode(fastPath: boolean): Promise<string[]> {
  const read: string[] = [];
  const onRequest = (message: unknown): void => {
    read.push((message as { readonly request: { readonly url: string } }).request.url);
  };
  diagnostics.subscribe('http.server.request.start', onRequest);
  const server = await startTestServer([], { fastPath });
  const { port } = server;
  const socket = connect(port, '127.0.0.1', () => socket.write(PLAIN));
  // The rest when the first is answered: not even its connection lasts if that is a refusal.
  const answered = new Promise((resolve) => socket.once('data', resolve));
  await within('the first answer', answered);
  const next = connect(port, '127.0.0.1', () => next.resume().write(OTHER));
  await within('the second answer', new Promise((resolve) => next.once('close', resolve)));
  socket.destroy();
  await server.close();
  diagnostics.unsubscribe('http.server.request.start', onRequest);
  return read;
}

test('a plain request is read past node:http, unless that is switched off', async () => {
  assert.deepEqual(await readByNode(true), ['/healthz']);
  assert.deepEqual(await readByNode(false), ['/v1/customers', '/healthz']);
});
