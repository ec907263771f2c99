import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { periodOf } from './alert.ts';

const times = fc.integer({ min: 0, max: Date.UTC(2200, 0) });

test('a month and a day are those of the UTC calendar', () => {
  fc.assert(
    fc.property(times, (timeMs) => {
      const date = new Date(timeMs);
      const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
      assert.deepEqual(periodOf('monthly', timeMs), {
        startMs: Date.UTC(year, month),
        endMs: Date.UTC(year, month + 1),
      });
      assert.deepEqual(periodOf('daily', timeMs), {
        startMs: Date.UTC(year, month, day),
        endMs: Date.UTC(year, month, day + 1),
      });
    }),
  );
});

test('a period begins with its first moment and ends before the next one', () => {
  for (const recurrence of ['monthly', 'daily'] as const) {
    const { startMs, endMs } = periodOf(recurrence, Date.UTC(2024, 1, 29, 12));
    assert.ok(endMs !== 'open');
    for (const timeMs of [startMs, endMs - 1]) {
      assert.deepEqual(periodOf(recurrence, timeMs), { startMs, endMs });
    }
    assert.equal(periodOf(recurrence, endMs).startMs, endMs);
  }
});

test('one time is all time', () => {
  assert.deepEqual(periodOf('one_time', 5), { startMs: 0, endMs: 'open' });
});
