import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkTurns } from './work-turns.ts';

/** Some milliseconds of the processor's time. */
function work(): void {
  let sum = 0;
  for (let n = 0; n < 3e6; n += 1) sum += Math.sqrt(n);
  assert.ok(sum > 0);
}

test('a heap of work is done in slices, and whoever comes in between is served', async () => {
  const turns = new WorkTurns();
  const done: string[] = [];
  const heap = Array.from({ length: 50 }, async (_, n) => {
    await turns.run('noisy', work);
    done.push(`noisy ${n}`);
  });
  const others = (async () => {
    await new Promise(setImmediate);
    await turns.run('quiet', work);
    done.push('quiet');
  })();
  await Promise.all([...heap, others]);
  assert.ok(done.indexOf('quiet') < 25, done.join(', '));
  assert.deepEqual(
    done.filter((one) => one !== 'quiet'),
    Array.from({ length: 50 }, (_, n) => `noisy ${n}`),
  );
});

test('a little work is done at once', () => {
  assert.equal(
    new WorkTurns().run('a', () => 7),
    7,
  );
});

test('what work throws is what its caller gets, now or later', async () => {
  const turns = new WorkTurns();
  const fail = (): never => {
    throw new Error('no');
  };
  assert.throws(() => turns.run('a', fail), /no/u);
  for (let n = 0; n < 10; n += 1) void turns.run('a', work);
  await assert.rejects(async () => await turns.run('a', fail), /no/u);
  await turns.run('a', work);
});
