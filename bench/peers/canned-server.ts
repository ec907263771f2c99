/**
 * Sockets without HTTP: counts the bytes of a request and writes an answer that was made before. What the load
 * client reaches against this is its ceiling; a server's rate well below it is the server's own.
 */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

const ANSWER = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
);

const server = createServer({ noDelay: true }, (socket) => {
  /** Of one request: every request of a connection has the same length. */
  let length = 0;
  let received = 0;
  socket.on('data', (chunk) => {
    if (length === 0) length = lengthOf(chunk.toString('latin1'));
    received += chunk.length;
    if (received < length) return;
    received -= length;
    socket.write(ANSWER);
  });
  // A client that is done may reset what it no longer needs.
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(`Canned is listening on http://127.0.0.1:${port}`);
});

function lengthOf(text: string): number {
  const body = Number(/content-length: (\d+)/iu.exec(text)?.[1]);
  return text.indexOf('\r\n\r\n') + 4 + body;
}
