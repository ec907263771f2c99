import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { test } from 'node:test';
import fc from 'fast-check';
import { askNameServers, checkedLookup, isPublicAddress, refusalOfUrl } from './addresses.ts';
import { NOT_PUBLIC_ADDRESSES, REFUSED_URLS } from './testing/ssrf-corpus.ts';
import { NameServer } from '../../test/support/name-server.ts';

const PUBLIC_ONLY = { allowPrivate: false };
const ANYWHERE = { allowPrivate: true };

const ALLOWED_URLS = [
  'https://example.com',
  'https://example.com/hooks?a=b#c',
  'https://example.com:8443/',
  'https://example.com:443/',
  'https://hooks.example.co.uk./',
  'https://8.8.8.8/',
  'https://172.15.255.255/',
  'https://172.32.0.1/',
  'https://192.169.0.1/',
  'https://100.63.255.255/',
  'https://100.128.0.1/',
  'https://[2606:4700:4700::1111]/',
  'https://localhost.example.com/',
  'https://internal.example.com/',
];

test('every URL of the corpus is refused, each with a reason', () => {
  for (const url of REFUSED_URLS) {
    const reason = refusalOfUrl(url, PUBLIC_ONLY);
    assert.ok(reason !== undefined && reason.length > 5, url);
  }
});

test('what is on the public internet is allowed', () => {
  for (const url of ALLOWED_URLS) assert.equal(refusalOfUrl(url, PUBLIC_ONLY), undefined, url);
});

test('--webhook-allow-private allows any address and port over http and https, and nothing else', () => {
  for (const url of ['http://localhost:3000/hook', 'http://127.0.0.1:80', 'https://[::1]:22/']) {
    assert.equal(refusalOfUrl(url, ANYWHERE), undefined, url);
  }
  for (const url of [
    'ftp://localhost',
    'file:///etc/passwd',
    'x',
    'http://a:b@localhost',
    'http:// a',
  ]) {
    assert.ok(refusalOfUrl(url, ANYWHERE), url);
  }
});

test('no address in a range for special purposes is public, at its edges too', () => {
  for (const address of NOT_PUBLIC_ADDRESSES) assert.ok(!isPublicAddress(address), address);
  for (const address of ['1.1.1.1', '9.255.255.255', '11.0.0.0', '2a00::1', '2001:200::1']) {
    assert.ok(isPublicAddress(address), address);
  }
});

test('an IPv4 address is refused alike however it is written', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('127.0.0.1', '10.1.2.3', '169.254.169.254', '192.168.0.9'),
      (v4) => {
        const bytes = v4.split('.').map(Number);
        const number = bytes.reduce((all, byte) => all * 256 + byte, 0);
        const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
        const spellings = [
          v4,
          `${v4}.`,
          String(number),
          `0x${hex}`,
          `0${number.toString(8)}`,
          bytes.map((byte) => `0${byte.toString(8)}`).join('.'),
          bytes.map((byte) => `0x${byte.toString(16)}`).join('.'),
          `${bytes[0]}.${number % 2 ** 24}`,
          `[::ffff:${v4}]`,
          `[::${v4}]`,
          `[64:ff9b::${v4}]`,
          `[2002:${hex.slice(0, 4)}:${hex.slice(4)}::1]`,
        ];
        for (const host of spellings)
          assert.ok(refusalOfUrl(`https://${host}/`, PUBLIC_ONLY), host);
      },
    ),
  );
});

/** What a socket is given for a name that stands for these addresses. */
async function look(
  addresses: readonly string[],
  rules = PUBLIC_ONLY,
): Promise<readonly string[] | string> {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const lookup = checkedLookup(rules, (_name, _options, callback) => callback(null, found));
  return await new Promise((resolve) => {
    lookup('example.com', { all: true }, (error, all) => {
      resolve(error?.message ?? (all as LookupAddress[]).map(({ address }) => address));
    });
  });
}

test('a name is refused when any of its addresses is not public', async () => {
  assert.deepEqual(await look(['1.1.1.1', '2a00::1']), ['1.1.1.1', '2a00::1']);
  for (const address of NOT_PUBLIC_ADDRESSES) {
    assert.match(String(await look([address])), /Not delivered: example\.com is at /u);
    assert.match(String(await look(['1.1.1.1', address])), /Not delivered/u);
    assert.deepEqual(await look([address], ANYWHERE), [address]);
  }
  assert.match(String(await look([])), /no address/u);
});

test('names are asked of name servers; ones that nobody answers for hold up no other', async (t) => {
  const [silent, answering] = await Promise.all([NameServer.start(), NameServer.start()]);
  silent.zone = () => undefined;
  answering.zone = (_name, type) => (type === 'A' ? [{ type, value: '10.0.0.1' }] : []);
  t.after(() => [silent, answering].forEach((server) => server.close()));
  const ask = async (server: string): Promise<string> =>
    await new Promise((resolve) => {
      const lookup = checkedLookup(PUBLIC_ONLY, askNameServers([server]));
      lookup('hooks.example.com', { all: true }, (error) => resolve(error?.message ?? 'found'));
    });
  let unanswered = 20;
  const hanging = Array.from({ length: unanswered }, async () => {
    const message = await ask(silent.address);
    unanswered -= 1;
    return message;
  });
  const refusal = 'Not delivered: hooks.example.com is at 10.0.0.1.';
  assert.equal(await ask(answering.address), refusal);
  assert.ok(unanswered > 0);
  for (const message of await Promise.all(hanging)) assert.match(message, /TIMEOUT/u);
});
