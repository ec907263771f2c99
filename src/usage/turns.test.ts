import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Turns } from './turns.ts';

/** Asks in this order, then gives one place back at a time: whose turn it was, in order. */
async function order(turns: Turns<number>, asked: readonly string[]): Promise<readonly string[]> {
  const served: string[] = [];
  const held: [string, number][] = [];
  const all = asked.map(async (account) => {
    const place = await turns.take(account);
    served.push(account);
    held.push([account, place]);
  });
  for (let done = 0; done < asked.length; done += 1) {
    await new Promise(setImmediate);
    const [account, place] = held.shift() ?? assert.fail('nothing was given');
    turns.giveBack(account, place);
  }
  await Promise.all(all);
  return served;
}

test('accounts take turns, each in its own order', async () => {
  assert.deepEqual(await order(new Turns([1]), ['a', 'a', 'a', 'a', 'b', 'b', 'c']), [
    'a',
    'a',
    'b',
    'c',
    'a',
    'b',
    'a',
  ]);
});

test('one account has no more places than it may, though others are free', async () => {
  const turns = new Turns([1, 2, 3], 1);
  const first = await turns.take('a');
  let isGiven = false;
  const second = turns.take('a').then((place) => {
    isGiven = true;
    return place;
  });
  const other = await turns.take('b');
  assert.equal(isGiven, false);
  turns.giveBack('a', first);
  turns.giveBack('a', await second);
  turns.giveBack('b', other);
  await turns.idle();
});

test('who leaves the queue holds up nobody, and takes no place', async () => {
  const turns = new Turns([1]);
  const place = await turns.take('a');
  const leaving = new AbortController();
  const gone = turns.take('a', leaving.signal);
  const next = turns.take('b');
  leaving.abort();
  await assert.rejects(gone, { name: 'AbortError' });
  turns.giveBack('a', place);
  turns.giveBack('b', await next);
  await turns.idle();
  assert.equal(await turns.take('c'), 1);
});

test('however much others ask for, an account waits for one turn of each of them', async () => {
  const accounts = fc.constantFrom('a', 'b', 'c', 'd');
  await fc.assert(
    fc.asyncProperty(fc.array(accounts, { minLength: 1, maxLength: 40 }), async (asked) => {
      const served = await order(new Turns([1]), asked);
      assert.deepEqual(served.toSorted(), asked.toSorted());
      for (const account of new Set(asked)) {
        const turnsOf = served.flatMap((one, at) => (one === account ? [at] : []));
        const waits = turnsOf.map((at, nth) => at - (turnsOf[nth - 1] ?? -1));
        // The first one came when all places were free.
        const others = new Set(asked).size - 1;
        for (const wait of waits) assert.ok(wait <= others + 2, `${served.join(' ')}`);
      }
    }),
  );
});
