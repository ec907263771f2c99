import type { Socket } from 'node:net';
import { StartupError } from '../../lib/startup-error.ts';

const LINE_LENGTH_MAX = 64 * 1024;

/** The first line that comes; what comes after it is dropped. Throws StartupError when the other side goes before its end. */
export function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end !== -1) resolve(text.slice(0, end));
      else if (text.length > LINE_LENGTH_MAX) socket.destroy();
    });
    socket.once('error', (error) =>
      reject(new StartupError(`The connection broke: ${error.message}`)),
    );
    socket.once('close', () =>
      reject(new StartupError('The other side went away without an answer.')),
    );
  });
}
