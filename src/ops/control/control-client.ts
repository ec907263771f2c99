import { connect, type Socket } from 'node:net';
import { StartupError } from '../../lib/startup-error.ts';
import type { Reply, Request } from './control-server.ts';
import { readLine } from './lines.ts';
import { socketPath } from './socket-path.ts';

export type Answer = {
  readonly value: unknown;
  /** Tells the server that what was asked for is not needed any more. */
  readonly close: () => void;
};

/**
 * Asks the server that runs on a data folder; undefined when none does. Throws StartupError with the server's words when
 * it refuses.
 */
export async function askServer(dataFolder: string, request: Request): Promise<Answer | undefined> {
  const socket = await connectTo(socketPath(dataFolder));
  if (socket === undefined) return undefined;
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    // The server wrote this line, so its shape is known.
    const reply = JSON.parse(await readLine(socket)) as Reply;
    if ('refusal' in reply) throw new StartupError(reply.refusal);
    return { value: reply.value, close: () => void socket.destroy() };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function connectTo(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // No socket, or one that a dead server left.
      if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(error.code ?? '')) resolve(undefined);
      else reject(new StartupError(`Cannot ask the server at ${path}: ${error.message}`));
    });
  });
}
