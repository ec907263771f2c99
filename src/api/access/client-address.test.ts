import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientAddress } from './client-address.ts';

function addressOf(remoteAddress: string | undefined, forwarded?: string, proxies = 0): string {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return clientAddress({ headers, socket: { remoteAddress } }, proxies);
}

test('without proxies it is the connection that counts, whatever the client writes', () => {
  assert.equal(addressOf('192.0.2.1'), '192.0.2.1');
  assert.equal(addressOf('192.0.2.1', '198.51.100.7'), '192.0.2.1');
  assert.equal(addressOf(undefined), '');
});

test('behind proxies it is whom the first of them saw, not what the client wrote before that', () => {
  const forwarded = '203.0.113.1, 198.51.100.7,192.0.2.9';
  assert.equal(addressOf('192.0.2.1', forwarded, 1), '192.0.2.9');
  assert.equal(addressOf('192.0.2.1', forwarded, 2), '198.51.100.7');
  assert.equal(addressOf('192.0.2.1', forwarded, 4), '192.0.2.1', 'too few');
  for (const none of [undefined, '', ' ', 'a,']) {
    assert.equal(addressOf('192.0.2.1', none, 1), '192.0.2.1', none);
  }
});

test('a port is no part of it', () => {
  assert.equal(addressOf('192.0.2.1', '198.51.100.7:5123', 1), '198.51.100.7');
  assert.equal(addressOf('192.0.2.1', '[2001:db8:1:2:3::4]:5123', 1), '2001:db8:1:2');
  assert.equal(addressOf('192.0.2.1', '[2001:db8:1:2:3::4]', 1), '2001:db8:1:2');
});

test('of IPv6 the first 64 bits count, however they are written', () => {
  for (const address of ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::', '2001:db8:1:2:ffff::1']) {
    assert.equal(addressOf(address), '2001:db8:1:2', address);
  }
  for (const address of ['2001:db8::1', '2001:db8::', '2001:db8:0:0:5::', '2001:db8:0:0:1:2:3:4']) {
    assert.equal(addressOf(address), '2001:db8', address);
  }
  assert.equal(addressOf('::ffff:192.0.2.1'), '192.0.2.1');
  assert.notEqual(addressOf('2001:db8:0:1::1'), addressOf('2001:db8::1'));
  assert.equal(addressOf('::1'), addressOf('::2'));
});

test('it is short', () => {
  assert.equal(addressOf('192.0.2.1', 'x'.repeat(5000), 1).length, 45);
});
