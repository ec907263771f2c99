import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StartupError } from '../lib/startup-error.ts';

/** Answers the port. Throws StartupError when the address cannot be had. */
export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE' ? 'the port is in use' : (error.code ?? error.message);
      reject(new StartupError(`Cannot listen on ${host}:${port}: ${reason}.`));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
