/**
 * Connections that take room and give nothing: some were answered once and stay idle, others send a request one byte
 * a second. Who is thrown out comes again. From a process of its own; lives until it is killed.
 *
 *   node bench/load/loiterers.ts PORT IDLE DRIPPING
 */
import { connect, type Socket } from 'node:net';

const [port = 0, idle = 0, dripping = 0] = process.argv.slice(2).map(Number);
const ANSWERED = 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
const DRIPPED = `POST /v1/billing/meter_events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ${'x'.repeat(1000)}`;
const DRIP_MS = 1000;
const AGAIN_MS = 100;
/** As many at once as a listening socket surely queues. */
const WIDTH = 100;

function open(onOpen: (socket: Socket) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      onOpen(socket);
      resolve();
    });
    socket.resume().on('error', () => undefined);
    socket.once('close', () => {
      resolve();
      setTimeout(() => void open(onOpen), AGAIN_MS);
    });
  });
}

function drip(socket: Socket): void {
  let sent = 0;
  const timer = setInterval(() => socket.write(DRIPPED[sent++ % DRIPPED.length] ?? ''), DRIP_MS);
  socket.once('close', () => clearInterval(timer));
}

const openers = [
  ...Array.from({ length: idle }, () => (socket: Socket) => void socket.write(ANSWERED)),
  ...Array.from({ length: dripping }, () => drip),
];
for (let at = 0; at < openers.length; at += WIDTH) {
  await Promise.all(openers.slice(at, at + WIDTH).map(open));
}
// What `start` waits for.
console.log(`all connected to the one listening on http://127.0.0.1:${port}`);
