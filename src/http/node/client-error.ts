/** What is answered where Node finds no request to hand on: the same envelope, then the connection is closed. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { API_VERSION } from '../../domain/api-version.ts';
import { ApiError } from '../../domain/errors.ts';
import type { Connections } from '../connections.ts';
import { newRequestId } from '../../lib/ids.ts';
import { toHead } from '../http-text.ts';
import { apiHeaders, toErrorAnswer } from '../respond.ts';

/** Behind the answers to earlier requests of the connection, if there are any. */
export function answerWhatIsNoHttp(
  server: Server,
  connections: Pick<Connections, 'endAfterAnswers'>,
): void {
  server.on('clientError', (error: NodeJS.ErrnoException, connection) => {
    const socket = connection as Socket;
    connections.endAfterAnswers(socket, () => {
      if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
      // Not what the parser says of it: that names our versions.
      socket.end(toText(toRefusal(error.code)), () => socket.destroy());
    });
  });
}

function toRefusal(code: string | undefined): ApiError {
  switch (code ?? '') {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ApiError('request_timeout', 'The request did not arrive in time.');
    case 'HPE_HEADER_OVERFLOW':
      return new ApiError('headers_too_large', 'The URL and the headers are too large.');
    default:
      return new ApiError('request_malformed', 'Invalid request: this is not well-formed HTTP.');
  }
}

/** In the words of v1: which version was asked for is not known. */
function toText(refusal: ApiError): string {
  const { status, headers, body } = toErrorAnswer(
    refusal,
    'v1',
    apiHeaders(newRequestId(), API_VERSION, {}),
  );
  return toHead(status, { ...headers, Connection: 'close' }) + body;
}
