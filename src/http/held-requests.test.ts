import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../domain/errors.ts';
import { HeldRequests } from './held-requests.ts';

const LIMITS = { requestsMax: 3, bytesMax: 100, timeoutMs: 60_000 };

/** A request with a client that can go. */
class Call {
  readonly heldBytes: number;
  go: () => void = () => undefined;

  constructor(heldBytes = 1) {
    this.heldBytes = heldBytes;
  }

  onceOut(then: () => void): void {
    this.go = then;
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'unavailable' && error.message === 'Wait.';
}

test('they go on in the order in which they came, also when they are many', async () => {
  const held = new HeldRequests({ ...LIMITS, requestsMax: 1000, bytesMax: 1000 });
  const order: number[] = [];
  const all = Array.from({ length: 350 }, async (_, index) => {
    await held.hold(new Call(), 'Wait.');
    order.push(index);
  });
  assert.equal(held.size, 350);
  await held.letIn();
  await Promise.all(all);
  assert.deepEqual(
    order,
    order.map((_, index) => index),
  );
  assert.equal(held.size, 0);
});

test('past the number, the bytes or the time they are refused, and make room', async () => {
  const held = new HeldRequests(LIMITS);
  const first = [held.hold(new Call(), 'Wait.'), held.hold(new Call(97), 'Wait.')];
  await assert.rejects(held.hold(new Call(3), 'Wait.'), isUnavailable);
  first.push(held.hold(new Call(2), 'Wait.'));
  await assert.rejects(held.hold(new Call(0), 'Wait.'), isUnavailable);
  await held.letIn();
  await Promise.all(first);
  const again = held.hold(new Call(100), 'Wait.');
  held.refuse('Wait.');
  await assert.rejects(again, isUnavailable);
  const short = new HeldRequests({ ...LIMITS, timeoutMs: 1 });
  await assert.rejects(short.hold(new Call(100), 'Wait.'), isUnavailable);
  await assert.rejects(short.hold(new Call(100), 'Wait.'), isUnavailable);
});

test('a request does not go on when its client has gone', async () => {
  const held = new HeldRequests(LIMITS);
  const call = new Call(100);
  const gone = held.hold(call, 'Wait.');
  call.go();
  await assert.rejects(gone, /went away/u);
  assert.equal(held.size, 0);
  const next = held.hold(new Call(100), 'Wait.');
  await held.letIn();
  call.go();
  await next;
});
