import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../domain/errors.ts';
import { BodyBudget } from './body-budget.ts';

test('all bodies together are bounded, and what one request gives back another may take', () => {
  const budget = new BodyBudget(10);
  const [first, second] = [budget.open(), budget.open()];
  first.take(4);
  first.take(2);
  assert.throws(
    () => second.take(5),
    (error) => error instanceof ApiError && error.reason === 'rate_limit',
  );
  second.take(4);
  assert.throws(() => first.take(1), ApiError);
  second.close();
  // What was refused was not taken, and giving back twice gives nothing more.
  second.close();
  first.take(4);
  assert.throws(() => second.take(1), ApiError);
});
