import { DAY_MS, HOUR_MS } from './time.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { windowMs, windowStartMs } from './windows.ts';

const window = fc.constantFrom('hour' as const, 'day' as const);
/** The years 1653 to 2286, with the edges of windows drawn often. */
const timestampMs = fc.oneof(
  fc.integer({ min: -1e13, max: 1e13 }),
  fc
    .tuple(fc.integer({ min: -1e5, max: 1e5 }), fc.integer({ min: -1, max: 1 }))
    .map(([hours, ms]) => hours * HOUR_MS + ms),
);

test('a moment is in exactly one window, which starts at a whole window since 1970', () => {
  fc.assert(
    fc.property(window, timestampMs, (w, moment) => {
      const startMs = windowStartMs(w, moment);
      assert.ok(startMs <= moment && moment < startMs + windowMs(w));
      assert.equal(Math.abs(startMs % windowMs(w)), 0);
    }),
  );
});

test('a window starts where the UTC calendar turns the hour or the day, before 1970 too', () => {
  fc.assert(
    fc.property(timestampMs, (moment) => {
      const date = new Date(moment);
      assert.equal(windowStartMs('hour', moment), date.setUTCMinutes(0, 0, 0));
      assert.equal(windowStartMs('day', moment), date.setUTCHours(0, 0, 0, 0));
    }),
  );
});

test('an hour and a day are as long as everyone thinks', () => {
  assert.equal(windowMs('hour'), 3_600_000);
  assert.equal(windowMs('day'), 86_400_000);
  assert.equal(DAY_MS, 24 * HOUR_MS);
});
