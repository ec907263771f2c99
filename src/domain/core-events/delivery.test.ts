import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ATTEMPTS_KEPT, isSuccess, JITTER_MAX, nextTryMs, RETRY_DELAYS_MS } from './delivery.ts';

const HOUR_MS = 3_600_000;

/** When each try comes, if all fail at once. */
function triesMs(jitter: () => number): number[] {
  const tries = [0];
  for (;;) {
    const next = nextTryMs(tries.length, tries.at(-1) ?? 0, jitter());
    if (next === undefined) return tries;
    tries.push(next);
  }
}

test('twelve tries over 72 hours, the first retry after a minute', () => {
  const tries = triesMs(() => 0);
  assert.equal(tries.length, 12);
  assert.equal(tries[1], 60_000);
  assert.equal(tries.at(-1), 72 * HOUR_MS);
  assert.ok(tries.length <= ATTEMPTS_KEPT, 'all tries of a schedule stay on record');
});

test('jitter only adds, at most a tenth of each delay', () => {
  fc.assert(
    fc.property(
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (draws) => {
        const tries = triesMs(() => Number(draws.next().value));
        for (const [index, delayMs] of RETRY_DELAYS_MS.entries()) {
          const waitedMs = (tries[index + 1] ?? 0) - (tries[index] ?? 0);
          assert.ok(waitedMs >= delayMs && waitedMs <= delayMs * (1 + JITTER_MAX) + 1);
        }
      },
    ),
  );
});

test('any 2xx is a success, and nothing else', () => {
  for (const status of [200, 201, 204, 299]) assert.ok(isSuccess({ status }));
  for (const status of [null, 100, 199, 300, 301, 302, 307, 400, 404, 410, 500, 503]) {
    assert.ok(!isSuccess({ status }));
  }
});
