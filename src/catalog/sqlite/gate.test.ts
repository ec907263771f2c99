import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ApiError } from '../../domain/errors.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Caller } from '../catalog.ts';
import { Gate } from './gate.ts';

const [NAMESPACE, OTHER] = ['acct_a/test', 'acct_b/test'] as const;

/** Reads that go on until they are let go, in the order in which they began. */
class Reads {
  readonly begun: string[] = [];
  readonly #gate: Gate;
  readonly #goOn = new Map<string, PromiseWithResolvers<void>>();

  constructor(underWayMax: number, waitingMax: number) {
    this.#gate = new Gate(underWayMax, waitingMax);
  }

  async ask(name: string, caller?: Caller, namespace: Namespace = NAMESPACE): Promise<string> {
    return await this.#gate.run(namespace, caller, async () => {
      this.begun.push(name);
      const held = Promise.withResolvers<void>();
      this.#goOn.set(name, held);
      await held.promise;
      return name;
    });
  }

  async end(name: string): Promise<void> {
    this.#goOn.get(name)!.resolve();
    await setImmediate();
  }

  async fail(name: string): Promise<void> {
    this.#goOn.get(name)!.reject(new Error('broken on purpose'));
    await setImmediate();
  }
}

const isRateLimit = (error: unknown): boolean =>
  error instanceof ApiError && error.reason === 'rate_limit';

test('so many are under way, the others follow in the order in which they came', async () => {
  const reads = new Reads(2, 9);
  const asked = ['a', 'b', 'c', 'd'].map(async (name) => await reads.ask(name));
  await setImmediate();
  assert.deepEqual(reads.begun, ['a', 'b']);
  await reads.end('b');
  assert.deepEqual(reads.begun, ['a', 'b', 'c']);
  for (const name of ['a', 'c', 'd']) await reads.end(name);
  assert.deepEqual(await Promise.all(asked), ['a', 'b', 'c', 'd']);
});

test('so many wait; one more is refused, one of another namespace is not, and none after they are done', async () => {
  const reads = new Reads(1, 1);
  const asked = [reads.ask('a'), reads.ask('b')];
  await assert.rejects(reads.ask('c'), isRateLimit);
  asked.push(reads.ask('x', undefined, OTHER));
  for (const name of ['x', 'a', 'b']) await reads.end(name);
  assert.deepEqual(await Promise.all(asked), ['a', 'b', 'x']);
  const again = reads.ask('c');
  await setImmediate();
  await reads.end('c');
  assert.equal(await again, 'c');
});

test('one whose caller is gone never begins; the next one does', async () => {
  const reads = new Reads(1, 9);
  const caller = { isGone: false };
  const asked = [reads.ask('a'), reads.ask('gone', caller), reads.ask('b')];
  const outcomes = Promise.allSettled(asked);
  await setImmediate();
  caller.isGone = true;
  await reads.end('a');
  await reads.end('b');
  assert.deepEqual(reads.begun, ['a', 'b']);
  const statuses = (await outcomes).map(({ status }) => status);
  assert.deepEqual(statuses, ['fulfilled', 'rejected', 'fulfilled']);
});

test('where no more may wait, those whose callers are gone give their places', async () => {
  const reads = new Reads(1, 1);
  const caller = { isGone: true };
  const outcomes = Promise.allSettled([reads.ask('a'), reads.ask('gone', caller), reads.ask('b')]);
  await setImmediate();
  await assert.rejects(reads.ask('c'), isRateLimit);
  await reads.end('a');
  await reads.end('b');
  const statuses = (await outcomes).map(({ status }) => status);
  assert.deepEqual(statuses, ['fulfilled', 'rejected', 'fulfilled']);
});

test('a read that fails holds up none after it', async () => {
  const reads = new Reads(1, 9);
  const outcomes = Promise.allSettled([reads.ask('a'), reads.ask('b')]);
  await setImmediate();
  await reads.fail('a');
  await reads.end('b');
  const statuses = (await outcomes).map(({ status }) => status);
  assert.deepEqual(statuses, ['rejected', 'fulfilled']);
});
