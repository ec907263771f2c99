/**
 * Where deliveries may go. Whoever holds a key can name a URL, and the server would call it from inside its network: so
 * what is not on the public internet is refused (SSRF), when the URL is set and again at each delivery.
 *
 * A name is resolved once, all its addresses are checked, and the connection is made to these and no others: to resolve
 * it again could give another answer (DNS rebinding). Published lists of addresses have had holes (CVE-2024-29415,
 * CVE-2025-8267), so IPv6 is what is allowed, not what is refused.
 */
import { lookup, type LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net';
import { isLonger } from '../domain/characters.ts';

export type AddressRules = {
  /** Any address and any port, also over http: for laptops, and for networks where every key is trusted. */
  readonly allowPrivate: boolean;
};

const URL_LENGTH_MAX = 2048;

/** IANA's special-purpose registry, and the address at which Azure serves its virtual machines' secrets. */
const REFUSED_V4 = toBlockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]);
/** Global unicast. Loopback, link-local, unique local, mapped and translated (NAT64) addresses are outside of it. */
const GLOBAL_V6 = toBlockList('ipv6', [['2000::', 3]]);
/** Within it: protocol assignments with Teredo, documentation, 6to4, which carry IPv4 addresses or nobody. */
const REFUSED_V6 = toBlockList('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]);

/** Names that never stand for a host on the internet. */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa)$/u;

export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !REFUSED_V4.check(address, 'ipv4');
  return GLOBAL_V6.check(address, 'ipv6') && !REFUSED_V6.check(address, 'ipv6');
}

/** Why nothing can be delivered to this URL, as the end of a sentence; undefined when it can. */
export function refusalOfUrl(text: string, { allowPrivate }: AddressRules): string | undefined {
  // Parsers drop some of these, and do not agree on the rest.
  if (/[\s\p{Cc}\\]/u.test(text)) return 'has a space, a backslash or a control character';
  if (isLonger(text, URL_LENGTH_MAX)) return `has more than ${URL_LENGTH_MAX} characters`;
  const url = URL.parse(text);
  if (url === null || url.hostname === '') return 'is not a valid URL';
  if (url.username !== '' || url.password !== '') return 'has a user name or a password';
  if (allowPrivate) {
    return /^https?:\/\//iu.test(text) ? undefined : 'must begin with https:// or http://';
  }
  if (!/^https:\/\//iu.test(text)) return 'must begin with https://';
  const port = Number(url.port === '' ? 443 : url.port);
  if (port !== 443 && port < 1024) return 'must have port 443, or one from 1024 up';
  return refusalOfHost(url);
}

/** The parser has brought every spelling of an IPv4 address (octal, hexadecimal, one number) to four decimals. */
function refusalOfHost(url: URL): string | undefined {
  const address = literalOf(url);
  if (address !== undefined) return isPublicAddress(address) ? undefined : NOT_PUBLIC;
  const name = url.hostname.replace(/\.$/u, '');
  return !name.includes('.') || PRIVATE_NAME.test(name) ? NOT_PUBLIC : undefined;
}

const NOT_PUBLIC = 'is not on the public internet (see --webhook-allow-private)';

function literalOf({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[(?<inside>.*)\]$/u, '$<inside>');
  return isIP(bare) === 0 ? undefined : bare;
}

/** A delivery that was not made because of where it would have gone. */
export class RefusedAddressError extends Error {
  override readonly name = 'RefusedAddressError';
}

export type Resolve = (
  hostname: string,
  options: { readonly all: true; readonly family?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Two tries take less than the time that a connection has. */
const DNS_TIMEOUT_MS = 1500;
const DNS_TRIES = 2;

/**
 * Asks the name servers of the machine, or these. Unlike `lookup`, which looks at the hosts file too, it takes none of the
 * four threads that files are read by: names that nobody answers for hold up nothing else.
 */
export function askNameServers(servers?: readonly string[]): Resolve {
  return (hostname, { family }, callback) => {
    const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
    if (servers !== undefined) resolver.setServers(servers);
    const asked = [
      ...(family === 6 ? [] : [resolver.resolve4(hostname)]),
      ...(family === 4 ? [] : [resolver.resolve6(hostname)]),
    ];
    void Promise.allSettled(asked).then((answers) => {
      const addresses = answers
        .flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
        .map((address) => ({ address, family: isIPv4(address) ? 4 : 6 }));
      const failure = answers.find(({ status }) => status === 'rejected');
      if (addresses.length > 0 || failure?.status !== 'rejected') return callback(null, addresses);
      callback(failure.reason as NodeJS.ErrnoException, []);
    });
  };
}

/** What a socket asks for the addresses of a name: it gets only ones that it may connect to, or the refusal. */
export function checkedLookup(
  { allowPrivate }: AddressRules,
  resolve: Resolve = allowPrivate ? (lookup as Resolve) : askNameServers(),
): LookupFunction {
  return (hostname, options, callback) => {
    const family = options.family === 4 || options.family === 6 ? { family: options.family } : {};
    resolve(hostname, { all: true, ...family }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      // One bad address spoils them all: a name that has both is an attempt, or a mistake.
      const bad = allowPrivate
        ? undefined
        : addresses.find(({ address }) => !isPublicAddress(address));
      const [first] = addresses;
      if (bad !== undefined || first === undefined) {
        const reason = `${hostname} is at ${bad?.address ?? 'no address'}`;
        return callback(new RefusedAddressError(`Not delivered: ${reason}.`), []);
      }
      if (options.all === true) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}

function toBlockList(
  family: 'ipv4' | 'ipv6',
  subnets: readonly (readonly [string, number])[],
): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family);
  return list;
}
