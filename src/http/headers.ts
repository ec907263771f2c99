import type { IncomingMessage } from 'node:http';

/** What says who asks, for what, and how the body is to be read. */
const SENT_ONCE = [
  'Authorization',
  'Content-Encoding',
  'Content-Type',
  'Host',
  'Idempotency-Key',
  'Stripe-Account',
  'Stripe-Context',
  'Stripe-Version',
].map((name) => [name, name.toLowerCase()] as const);

/**
 * What is wrong with the headers, that Node lets pass: a reader in front of us could take the same bytes for another
 * request. After such a one, nothing on its connection can be trusted.
 */
export function wrongHeaders(request: IncomingMessage): string | undefined {
  const { headers, httpVersion } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'speak HTTP/1.1';
  if (headers.host === undefined && httpVersion === '1.1') return 'it has no Host header';
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion === '1.0')) {
    return 'of Transfer-Encodings, send none but chunked';
  }
  const repeated = repeatedHeader(request);
  return repeated === undefined ? undefined : `it has the header ${repeated} more than once`;
}

/**
 * Whether the client would go on in another protocol. Taximeter does not, but Node's parser takes what has come behind such a
 * request for that protocol and drops it, and would go on in the midst of the next one.
 */
export function asksForUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade !== undefined && /upgrade/iu.test(headers.connection ?? '');
}

/** Of some headers that come twice Node takes the first, of others it makes one text. */
function repeatedHeader({ headers, rawHeaders }: IncomingMessage): string | undefined {
  // Names and values in turns; nearly always, nothing came twice.
  if (rawHeaders.length === 2 * Object.keys(headers).length) return undefined;
  const sent = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const found = SENT_ONCE.find(([, lower]) => sent.indexOf(lower) !== sent.lastIndexOf(lower));
  return found?.[0];
}
