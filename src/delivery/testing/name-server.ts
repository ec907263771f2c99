/** A name server on loopback with one answer to every question for an IPv4 address, or none. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const HEADER_BYTES = 12;
const TYPE_A = 1;

/** Four numbers; undefined: it never answers. */
export async function startNameServer(
  address: readonly number[] | undefined,
): Promise<{ readonly socket: Socket; readonly server: string }> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port }) => {
    if (address !== undefined) socket.send(answerTo(query, address), port, '127.0.0.1');
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, server: `127.0.0.1:${socket.address().port}` };
}

/** RFC 1035, section 4.1: the question given back, and one record that points to its name. */
function answerTo(query: Buffer, address: readonly number[]): Buffer {
  const nameEnd = query.indexOf(0, HEADER_BYTES);
  const question = query.subarray(HEADER_BYTES, nameEnd + 5);
  const isOfV4 = query.readUInt16BE(nameEnd + 1) === TYPE_A;
  const header = Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, isOfV4 ? 1 : 0, 0, 0, 0, 0]);
  query.copy(header, 0, 0, 2);
  const record = [0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, ...address];
  return Buffer.concat([header, question, Buffer.from(isOfV4 ? record : [])]);
}
