import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/support/wait.ts';
import { madeOnce, type Page } from './operator-pages.ts';

test('a page is made once for all that ask at once, and again after a while', async () => {
  let made = 0;
  let finish = Promise.withResolvers<void>();
  const page = madeOnce(async () => {
    made += 1;
    await finish.promise;
    return { status: 200, type: 'text/plain', body: `page ${made}` };
  });
  const asked = [page(), page(), page()];
  assert.equal(made, 1);
  finish.resolve();
  assert.deepEqual(
    (await Promise.all(asked)).map(({ body }) => body),
    ['page 1', 'page 1', 'page 1'],
  );
  assert.equal((await page()).body, 'page 1');
  finish = Promise.withResolvers();
  let later: Promise<Page> | undefined;
  await until('it is made again', () => {
    later = page();
    return made === 2;
  });
  finish.resolve();
  assert.equal((await later)?.body, 'page 2');
});

test('one that cannot be made is a 500, and is tried again', async () => {
  let isBroken = true;
  const page = madeOnce(async () => {
    if (isBroken) throw new Error('a metric failed');
    return await Promise.resolve({ status: 200, type: 'text/plain', body: 'whole' });
  });
  assert.equal((await page()).status, 500);
  isBroken = false;
  await until('it is made again', async () => (await page()).status === 200);
});
