/**
 * Bodies that come compressed (`Content-Encoding`, RFC 9110 section 8.4): gzip and zstd, one coding, in one piece.
 *
 * A body is unpacked on threads of Node's pool and no further than a body may be long: a bomb costs what a body of that
 * length does, and less memory than that. What is unpacked counts with all other bodies.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Transform } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { quoted } from '../domain/characters.ts';
import { ApiError } from '../domain/errors.ts';
import type { BodyShare } from './limits/body-budget.ts';
import { tooLarge } from './body.ts';

export type Coding = 'gzip' | 'zstd';

/** What `Accept-Encoding` says in the answer to another coding (RFC 9110, section 15.5.16). */
export const CODINGS_TAKEN = 'gzip, zstd';

/** The largest window that a frame may ask memory for: 8 MB, as RFC 9659 has it for this use. */
const ZSTD_WINDOW_LOG_MAX = 23;

/** How many bodies are unpacked at once: each may need 8 MB beside its own, and a thread of the four that the process has. */
const UNPACKED_AT_ONCE_MAX = 2;

/**
 * How the body is packed; undefined when it is not. Throws `content_coding_unsupported` for any other coding, and for
 * more than one: nobody needs them, and each makes a bomb larger.
 */
export function codingOf(headers: IncomingHttpHeaders): Coding | undefined {
  const sent = headers['content-encoding'];
  if (sent === undefined) return undefined;
  switch (sent.toLowerCase()) {
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    case 'zstd':
      return 'zstd';
    default:
      throw new ApiError(
        'content_coding_unsupported',
        `Invalid Content-Encoding: must be gzip or zstd, not ${quoted(sent)}.`,
      );
  }
}

type Decompressor = Transform & { readonly bytesWritten: number };

const OPEN: Readonly<Record<Coding, () => Decompressor>> = {
  gzip: () => createGunzip(),
  zstd: () =>
    createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX } }),
};

export class Unpacker {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * The whole body as it was before it was packed. Throws `body_too_large` when that is more than `bytesMax`, `rate_limit`
   * when there is no room for it (see BodyShare), and `body_invalid` when it is not packed so, is not whole, or has more
   * behind its end.
   */
  async unpack(
    coding: Coding,
    packed: Buffer,
    bytesMax: number,
    share: BodyShare,
  ): Promise<Buffer> {
    if (packed.length === 0) return packed;
    await this.#turn();
    try {
      return await unpack(coding, packed, bytesMax, share);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#running >= UNPACKED_AT_ONCE_MAX) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running += 1;
  }
}

async function unpack(
  coding: Coding,
  packed: Buffer,
  bytesMax: number,
  share: BodyShare,
): Promise<Buffer> {
  const decompressor = OPEN[coding]();
  const chunks: Buffer[] = [];
  let length = 0;
  decompressor.end(packed);
  try {
    // A throw in here ends it: what was not read of it is never unpacked.
    for await (const chunk of decompressor as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > bytesMax) throw tooLarge(bytesMax);
      share.take(chunk.length);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw invalid(`not well-formed ${coding}, or not all of it`);
  }
  if (decompressor.bytesWritten < packed.length)
    throw invalid(`more follows behind the end of the ${coding}`);
  return Buffer.concat(chunks, length);
}

/** What the library says of it would be no help. */
function invalid(problem: string): ApiError {
  return new ApiError('body_invalid', `Invalid request body: ${problem}.`);
}
