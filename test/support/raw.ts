/** Bytes on a socket, for what no HTTP client would send. */
import { connect } from 'node:net';
import { PATIENCE_MS } from './wait.ts';

type Origin = { readonly host: string; readonly port: number };

/** What came back, and whether the server closed the connection or the time for that ran out. */
export type Exchange = { readonly text: string; readonly closed: boolean };

/** Sends bytes as they are, and returns what comes back until the server closes. Never rejects. */
export async function exchange(to: Origin, bytes: string | Buffer): Promise<Exchange> {
  return await new Promise((settle) => {
    const socket = connect(to.port, to.host, () => socket.write(bytes));
    let text = '';
    const timer = setTimeout(() => {
      settle({ text, closed: false });
      socket.destroy();
    }, PATIENCE_MS);
    socket.setEncoding('latin1').on('data', (more: string) => (text += more));
    // A server that closes before it has read everything resets the connection.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      settle({ text, closed: true });
    });
  });
}

/** The status lines of the answers in what came back. */
export function statuses({ text }: Exchange): number[] {
  return [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gmu)].map(([, status]) => Number(status));
}
