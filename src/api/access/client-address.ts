import type { IncomingMessage } from 'node:http';

/** What of a request says who asks. */
export type Asked = Pick<IncomingMessage, 'headers'> & {
  readonly socket: { readonly remoteAddress?: string | undefined };
};

/**
 * The address that a request came from, as far as it tells one client from another: of IPv6 the first 64 bits, since
 * whoever has one address there has the rest.
 *
 * Behind N proxies it is the Nth from the right of `X-Forwarded-For`: each proxy adds whom it saw, and what stands
 * further left was written by the client. Without that many, it is the connection's.
 */
export function clientAddress({ headers, socket }: Asked, proxies: number): string {
  const direct = socket.remoteAddress ?? '';
  if (proxies === 0) return toNetwork(direct);
  const forwarded = String(headers['x-forwarded-for'] ?? '').split(',');
  const seen = withoutPort(forwarded.at(-proxies)?.trim() ?? '');
  return toNetwork(seen === '' ? direct : seen.slice(0, LENGTH_MAX));
}

/** Of an IPv6 address in text. */
const LENGTH_MAX = 45;
const IPV4_IN_IPV6 = '::ffff:';

function toNetwork(address: string): string {
  if (!address.includes(':')) return address;
  if (address.startsWith(IPV4_IN_IPV6)) return address.slice(IPV4_IN_IPV6.length);
  const [head = ''] = address.split('::', 1);
  // A zero may be written out or be a part of the `::`.
  return head
    .split(':')
    .slice(0, 4)
    .join(':')
    .replace(/(?::0)+$/u, '');
}

/** Some proxies add it, and it differs with each connection. */
function withoutPort(address: string): string {
  return address.replace(/^([\d.]+):\d+$/u, '$1').replace(/^\[(.*)\](?::\d+)?$/u, '$1');
}
