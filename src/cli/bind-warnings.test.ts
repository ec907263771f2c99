import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionsWithin, isLoopback } from './bind-warnings.ts';

test('loopback is what no other machine can reach', () => {
  for (const host of ['127.0.0.1', '127.3.2.1', '::1', 'localhost']) assert.ok(isLoopback(host));
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.evil.example', '::ffff:10.0.0.1', '']) {
    assert.ok(!isLoopback(host), host);
  }
});

test('connections leave half of the files to the stores', () => {
  assert.equal(connectionsWithin(10_000, 20_000), 10_000);
  assert.equal(connectionsWithin(10_000, Infinity), 10_000);
  assert.equal(connectionsWithin(10_000, 1024), 512);
});
