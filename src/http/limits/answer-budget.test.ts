import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerBudget } from './answer-budget.ts';

const LIMITS = { bytesMax: 100_000, ownerBytesMax: 40_000 };

/** An answer, and what is called when it is out. */
class Call {
  out: () => void = () => undefined;

  onceOut(then: () => void): void {
    this.out = then;
  }
}

test('an owner has a share, and what is out makes room', () => {
  const budget = new AnswerBudget(LIMITS);
  const [first, second] = [new Call(), new Call()];
  assert.ok(budget.hasRoom('a', 40_000));
  assert.ok(budget.take(first, 'a', 30_000));
  assert.equal(budget.hasRoom('a', 10_001), false);
  assert.ok(budget.hasRoom('a', 10_000) && budget.hasRoom('b', 40_000));
  assert.ok(budget.take(second, 'a', 10_000));
  assert.equal(budget.hasRoom('a'), false, 'not even for the least that is counted');
  first.out();
  assert.ok(budget.hasRoom('a', 30_000));
  second.out();
  assert.ok(budget.hasRoom('a', 40_000));
});

test('all owners together have an end, past their shares too', () => {
  const budget = new AnswerBudget(LIMITS);
  const calls = Array.from({ length: 3 }, () => new Call());
  // What a change answers is sent as long as there is room at all.
  assert.ok(budget.take(calls[0]!, 'a', 60_000));
  assert.ok(budget.take(calls[1]!, 'b', 40_000));
  assert.equal(budget.hasRoom('c'), false);
  assert.equal(budget.take(calls[2]!, 'c', 5_000), false);
  calls[0]!.out();
  assert.ok(budget.take(calls[2]!, 'c', 60_000));
});

test('what changes answer may go past the share of their owner, and not to where the others have no room', () => {
  const budget = new AnswerBudget({ ...LIMITS, bytesMax: 120_000 });
  const calls = Array.from({ length: 3 }, () => new Call());
  assert.ok(budget.take(calls[0]!, 'a', 40_000) && budget.take(calls[1]!, 'a', 40_000));
  assert.equal(budget.take(calls[2]!, 'a', 5_000), false);
  assert.ok(budget.hasRoom('b', 40_000));
  calls[0]!.out();
  assert.ok(budget.take(calls[2]!, 'a', 5_000));
});

test('short answers are not counted: there is one of each connection', () => {
  const budget = new AnswerBudget({ bytesMax: 0, ownerBytesMax: 0 });
  for (let n = 0; n < 10; n += 1) {
    assert.ok(budget.hasRoom('a', 4096) && budget.take(new Call(), 'a', 4096));
  }
  assert.equal(budget.hasRoom('a', 4097), false);
});
