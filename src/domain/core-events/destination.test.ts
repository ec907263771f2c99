import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDestination, anEvent } from '../../catalog/contract/core-event-fixtures.ts';
import {
  disable,
  edit,
  DISABLE_AFTER_MS,
  enable,
  erase,
  failingSince,
  isToBeDisabled,
  rotateSecret,
  secretsAt,
  wants,
} from './destination.ts';

test('a destination wants the types that it has enabled, of its own payload', () => {
  const event = anEvent('evt_1');
  const named = aDestination('we_1', { enabledEvents: ['x', 'billing.meter.created'] });
  assert.ok(wants(named, event));
  assert.ok(!wants({ ...named, payload: 'thin' }, event));
  assert.ok(wants({ ...named, payload: 'thin', enabledEvents: ['*'] }, event));
  assert.ok(!wants({ ...named, enabledEvents: ['*'] }, { ...event, snapshot: null }));
  assert.ok(!wants(disable(named, 'user', 1), event));
  assert.ok(!wants(erase(named), event));
  assert.ok(!wants({ ...named, enabledEvents: ['billing.meter'] }, event));
});

test('after a rotation both secrets sign, the newer first, until the older one ends', () => {
  const rotated = rotateSecret(aDestination('we_1', { secret: 'a' }), 'b', 100, 10);
  assert.deepEqual(secretsAt(rotated, 99), ['b', 'a']);
  assert.deepEqual(secretsAt(rotated, 100), ['b']);
  assert.deepEqual(secretsAt(rotateSecret(rotated, 'c', 200, 20), 30), ['c', 'b']);
  assert.deepEqual(secretsAt(rotateSecret(rotated, 'c', 20, 20), 20), ['c']);
});

test('it is disabled after three days of failing without one success', () => {
  const first = failingSince({ failingSinceMs: null }, false, 1000);
  assert.equal(failingSince({ failingSinceMs: first }, false, 2000), 1000);
  assert.equal(failingSince({ failingSinceMs: first }, true, 2000), null);
  assert.ok(!isToBeDisabled(first, 1000 + DISABLE_AFTER_MS - 1));
  assert.ok(isToBeDisabled(first, 1000 + DISABLE_AFTER_MS));
  assert.ok(!isToBeDisabled(null, 1e15));
});

test('an edit that changes nothing is the same object', () => {
  const current = aDestination('we_1', { metadata: new Map([['a', '1']]), description: 'd' });
  const { url, enabledEvents, name } = current;
  const same = { url, enabledEvents: [...enabledEvents], name, metadata: new Map([['a', '1']]) };
  assert.equal(edit(current, same, 9), current);
  assert.equal(edit(current, {}, 9), current);
  for (const change of [
    { url: 'https://b' },
    { name: 'n' },
    { description: null },
    { metadata: new Map() },
  ]) {
    assert.deepEqual(edit(current, change, 9), { ...current, ...change, updatedMs: 9 });
  }
});

test('disabling twice keeps the first reason; enabling forgets what failed', () => {
  const failing = aDestination('we_1', { failingSinceMs: 5 });
  const off = disable(failing, 'failures', 7);
  assert.equal(disable(off, 'user', 8), off);
  assert.deepEqual(enable(off, 9), { ...failing, failingSinceMs: null, updatedMs: 9 });
  assert.equal(enable(failing, 9), failing);
});

test('nothing of a deleted one is left but its place', () => {
  const { url, secret, previousSecret, deleted } = erase(
    rotateSecret(aDestination('we_1'), 'b', 100, 10),
  );
  assert.deepEqual([url, secret, previousSecret, deleted], ['', '', null, true]);
});
