import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OneAtATime } from './keyed-mutex.ts';

test('tasks of one key run one after the other, also past one that fails; others run beside them', async () => {
  const turns = new OneAtATime();
  const said: string[] = [];
  const first = Promise.withResolvers<void>();
  const task = (key: string, name: string, until: Promise<void> = Promise.resolve()) =>
    turns.run(key, async () => {
      said.push(`${name} begins`);
      await until;
      said.push(`${name} ends`);
      if (name === 'second') throw new Error('second');
    });
  const all = [
    task('a', 'first', first.promise),
    task('a', 'second'),
    task('a', 'third'),
    task('b', 'other'),
  ];
  await all[3];
  first.resolve();
  const outcomes = await Promise.allSettled(all);
  assert.deepEqual(said, [
    'first begins',
    'other begins',
    'other ends',
    'first ends',
    'second begins',
    'second ends',
    'third begins',
    'third ends',
  ]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
});
