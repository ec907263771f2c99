/** Every route of the table, called once with what it takes and once with what it does not: the answers fit Stripe's schema. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { StripeSchema, unreadableNumbers } from '../../test/support/stripe-schema.ts';
import { Callers, nobodys, type World } from './testing/callers.ts';
import { serveNewFolder, type Served } from './testing/served-folder.ts';

const schema = StripeSchema.load();
let served: Served;
let callers: Callers;
let mine: World;
before(async () => {
  served = await serveNewFolder();
  callers = new Callers(served);
  mine = await callers.newWorld('acct_mine', false);
});
after(async () => await served.close());

test('whole numbers of 64 bits, and no other but aggregated_value', async () => {
  for (const route of served.routes) {
    const door = await callers.doorOf(route, mine.holder);
    for (const names of [mine.names, nobodys()]) {
      const { text } = await callers.call(route, names, door);
      assert.deepEqual(unreadableNumbers(text), [], `${route.method} ${route.path}: ${text}`);
    }
  }
});

test("what Stripe's schema of the call says", async (t) => {
  if (typeof schema === 'string') return t.skip(schema);
  // A namespace holds a few webhooks only.
  const own = await callers.newWorld('acct_own', false);
  let checked = 0;
  for (const route of served.routes) {
    const name = `${route.method} ${route.path}`;
    const door = await callers.doorOf(route, own.holder);
    for (const names of [own.names, nobodys()]) {
      const answer = await callers.call(route, names, door);
      const wrong = schema.wrongWith(route.method, route.path, answer);
      if (wrong === undefined) continue;
      assert.deepEqual(wrong, [], `${name}: ${answer.text}`);
      checked += 1;
    }
  }
  t.diagnostic(`${checked} answers`);
  assert.ok(checked >= 50, 'most routes of v1 are in it');
});
