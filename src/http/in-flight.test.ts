import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { InFlight } from './in-flight.ts';

test('who sends one request after the other is always let in', () => {
  const inFlight = new InFlight(2);
  const sockets = Array.from({ length: 10 }, () => new Socket());
  for (const socket of sockets) assert.equal(inFlight.begin(socket), true);
  for (const socket of sockets) inFlight.end(socket);
  for (const socket of sockets) assert.equal(inFlight.begin(socket), true);
});

test('who sends ahead is let in while there is room, and again when there is', () => {
  const inFlight = new InFlight(3);
  const socket = new Socket();
  const begin = () => inFlight.begin(socket);
  assert.deepEqual([begin(), begin(), begin(), begin(), begin()], [true, true, true, false, false]);
  inFlight.end(socket);
  assert.deepEqual([begin(), begin()], [true, false]);
  // Requests of other connections fill the same room.
  inFlight.end(socket);
  assert.equal(inFlight.begin(new Socket()), true);
  assert.equal(begin(), false);
});
