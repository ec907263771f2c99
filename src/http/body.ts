import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { ApiError } from '../errors.ts';

/** The largest call of the API needs a few KiB. */
export const BODY_BYTES_MAX = 1024 * 1024;

const FORM_TYPE = 'application/x-www-form-urlencoded';

/**
 * The body's text; '' when there is none. Throws `body_too_large` before more than the limit is held in
 * memory, `body_invalid` for bytes that are not UTF-8 and for a content type that is not a form's.
 */
export async function readFormBody(request: IncomingMessage): Promise<string> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return '';
  const type = request.headers['content-type'];
  if (type !== undefined && type.split(';', 1)[0]?.trim().toLowerCase() !== FORM_TYPE) {
    throw new ApiError(
      'body_invalid',
      `Invalid request body: send parameters as ${FORM_TYPE}, not as ${type.slice(0, 100)}.`,
    );
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new ApiError('body_invalid', 'Invalid request body: send it without Content-Encoding.');
  }
  if (!isUtf8(bytes)) throw new ApiError('body_invalid', 'Invalid request body: not UTF-8.');
  return bytes.toString();
}

function readBytes(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) throw tooLarge();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > BODY_BYTES_MAX) {
        request.removeAllListeners('data').pause();
        reject(tooLarge());
      } else chunks.push(chunk);
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

function tooLarge(): ApiError {
  return new ApiError('body_too_large', `The request body is larger than ${BODY_BYTES_MAX} bytes.`);
}
