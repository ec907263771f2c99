/**
 * Reads the requests that nearly all are: a POST, GET or DELETE of a plain path, with headers that each come once, and a
 * body of a known length or none. It takes what can be read in one way only, and leaves the rest to node:http, which knows
 * all of HTTP: for whatever this takes, node:http would find the same method, URL, headers and body.
 */
import type { IncomingHttpHeaders } from 'node:http';

export type PlainRequest = {
  readonly method: string;
  readonly url: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Where the next request begins. */
  readonly end: number;
};

/** A request of more bytes is not plain. A hundred events of the stream take some 20 KB. */
export const PLAIN_BYTES_MAX = 64 * 1024;
/**
 * Nor is one of more bytes whose end is not there yet: it would be held before anybody knows whose it is. One event takes
 * 1 KB.
 */
export const WAITED_FOR_BYTES_MAX = 16 * 1024;
/** Half of what node:http takes, which counts them in another way. */
const HEAD_BYTES_MAX = 8 * 1024;

/** All that a plain request may have before its body (RFC 9112, sections 3 and 5), and less: no odd character anywhere. */
const HEAD =
  /^(?:POST|GET|DELETE) \/v[12]\/[\w/.~-]*(?:\?[\w/.~%!$&'()*+,:;=@?[\]-]*)? HTTP\/1\.1\r\n(?:[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e]*\r\n)+$/u;
/** By the first byte. */
const STARTS: ReadonlyMap<number | undefined, Buffer> = new Map(
  ['POST /v', 'GET /v', 'DELETE /v'].map((start) => [start.charCodeAt(0), Buffer.from(start)]),
);
const HEAD_END = '\r\n\r\n';
/** What changes how a request is read or answered, and what node:http has rules of its own for. */
const NOT_PLAIN: ReadonlySet<string> = new Set([
  '__proto__',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const LENGTH = /^\d{1,6}$/u;

/** So far it may become one; no need to look again at fewer bytes. */
export type Partial = { readonly needs: number };

/**
 * The request that these bytes begin with; `other` when they are not plain. What is answered holds on to the bytes.
 */
export function readPlainRequest(bytes: Buffer): PlainRequest | Partial | 'other' {
  if (!startsAlike(bytes)) return 'other';
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return bytes.length > HEAD_BYTES_MAX ? 'other' : { needs: bytes.length + 1 };
  if (headEnd > HEAD_BYTES_MAX) return 'other';
  const head = bytes.toString('latin1', 0, headEnd + 2);
  if (!HEAD.test(head)) return 'other';
  const headers = readHeaders(head);
  if (headers === undefined) return 'other';
  const urlStart = head.indexOf(' ') + 1;
  const method = head.slice(0, urlStart - 1);
  // Of a POST without a length a reader in front might say that it is missing.
  const length = headers['content-length'] ?? (method === 'POST' ? '' : '0');
  if (headers.host === undefined || !LENGTH.test(length)) return 'other';
  const start = headEnd + HEAD_END.length;
  const end = start + Number(length);
  if (end > PLAIN_BYTES_MAX) return 'other';
  if (end > bytes.length) return end > WAITED_FOR_BYTES_MAX ? 'other' : { needs: end };
  const url = head.slice(urlStart, head.indexOf(' ', urlStart));
  // A view of no bytes would hold on to all of them.
  const body = start === end ? NO_BODY : bytes.subarray(start, end);
  return { method, url, headers, body, end };
}

const NO_BODY = Buffer.of();

/** Whether these bytes, which may be few, begin as every plain request does. */
function startsAlike(bytes: Buffer): boolean {
  const start = STARTS.get(bytes[0]);
  if (start === undefined) return bytes.length === 0;
  for (let at = 0; at < start.length && at < bytes.length; at += 1) {
    if (bytes[at] !== start[at]) return false;
  }
  return true;
}

/** Undefined when one comes twice, or is not plain. */
function readHeaders(head: string): IncomingHttpHeaders | undefined {
  const headers: Record<string, string> = {};
  let at = head.indexOf('\r\n') + 2;
  while (at < head.length) {
    const colon = head.indexOf(':', at);
    const lineEnd = head.indexOf('\r\n', colon);
    const name = head.slice(at, colon).toLowerCase();
    if (headers[name] !== undefined || NOT_PLAIN.has(name)) return undefined;
    headers[name] = head.slice(colon + 1, lineEnd).trim();
    at = lineEnd + 2;
  }
  const { connection } = headers;
  const isPlain = connection === undefined || connection.toLowerCase() === 'keep-alive';
  return isPlain ? headers : undefined;
}
