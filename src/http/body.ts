import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { ApiError } from '../domain/errors.ts';
import type { Route } from '../api/route.ts';
import type { BodyShare } from './limits/body-budget.ts';

/** The largest call of the API that is not a batch needs a few KiB. */
export const BODY_BYTES_MAX = 1024 * 1024;

const FORM_TYPE = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';

/** Throws `body_invalid` for bytes that are not UTF-8 and for another content type. No bytes are no body. */
export function checkBody(
  headers: IncomingHttpHeaders,
  { body }: Pick<Route, 'body'>,
  bytes: Buffer,
): void {
  if (bytes.length === 0) return;
  const expected = body === undefined ? FORM_TYPE : JSON_TYPE;
  const type = headers['content-type'];
  if (type !== undefined && type.split(';', 1)[0]?.trim().toLowerCase() !== expected) {
    throw new ApiError(
      'body_invalid',
      `Invalid request body: send parameters as ${expected}, not as ${type.slice(0, 100)}.`,
    );
  }
  if (!isUtf8(bytes)) throw new ApiError('body_invalid', 'Invalid request body: not UTF-8.');
}

/** What node:http hands on of a body; see HttpCall. */
export function readBytes(
  request: IncomingMessage,
  bytesMax: number,
  share: BodyShare,
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      try {
        if (length > bytesMax) throw tooLarge(bytesMax);
        share.take(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        request.removeAllListeners('data').pause();
        reject(error);
      }
    });
    request.on('end', () => {
      const [only] = chunks;
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks));
    });
    request.on('error', reject);
    request.on('close', () => {
      // Also said of every body that was read to its end.
      if (!request.complete) reject(new Error('The client went away.'));
    });
  });
}

export function tooLarge(bytesMax: number): ApiError {
  return new ApiError('body_too_large', `The request body is larger than ${bytesMax} bytes.`);
}
