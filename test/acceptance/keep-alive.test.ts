/** How long a connection lives on which nothing is asked, as balancers and pools keep them: before the first request too. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Server } from '../support/server.ts';
import { nowMs } from '../support/times.ts';
import { within } from '../support/wait.ts';

/** What came before the server closed the connection, and after how many milliseconds. */
async function idle(server: Server, bytes: string): Promise<{ text: string; afterMs: number }> {
  const startMs = nowMs();
  const ended = new Promise<{ text: string; afterMs: number }>((resolve) => {
    const socket = connect(server.port, server.host, () => socket.write(bytes));
    let text = '';
    socket.setEncoding('utf8').on('data', (more: string) => (text += more));
    socket.on('close', () => resolve({ text, afterMs: nowMs() - startMs }));
  });
  return await within('it is closed', ended);
}

test('as long as was asked for; then it is closed without a word', async () => {
  const server = await Server.start({ args: ['--keep-alive-seconds', '3'] });
  try {
    const plain = 'POST /v1/customers HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
    const other = 'GET /v1/customers HTTP/1.1\r\nHost: x\r\n\r\n';
    const sent = ['', plain, other];
    const ends = await Promise.all(sent.map(async (bytes) => await idle(server, bytes)));
    assert.equal(ends[0]?.text, '');
    for (const { text } of ends.slice(1)) {
      assert.match(text, /^HTTP\/1\.1 401 [^]*\r\nKeep-Alive: timeout=3\r\n/u);
      assert.equal(text.split('HTTP/1.1').length, 2, text);
    }
    for (const { afterMs } of ends) assert.ok(afterMs > 2_500, `${afterMs} ms`);
  } finally {
    await server.remove();
  }
});
