import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../domain/errors.ts';
import { KeyRates } from './rate-limiter.ts';

const NOW_MS = 1_760_000_000_000;

function passes(rates: KeyRates, key: string, nowMs: number): boolean {
  try {
    rates.take(key, nowMs);
    return true;
  } catch (error) {
    assert.ok(error instanceof ApiError);
    assert.equal(error.reason, 'key_rate_limit');
    return false;
  }
}

test('a key may make so many requests at once, then one whenever its time has come; keys do not share', () => {
  const rates = new KeyRates(4);
  const burst = Array.from({ length: 6 }, () => passes(rates, 'a', NOW_MS));
  assert.deepEqual(burst, [true, true, true, true, false, false]);
  assert.equal(passes(rates, 'b', NOW_MS), true);
  assert.equal(passes(rates, 'a', NOW_MS + 249), false);
  assert.equal(passes(rates, 'a', NOW_MS + 250), true, 'a refused request cost nothing');
  assert.equal(passes(rates, 'a', NOW_MS + 250), false);
  const later = Array.from({ length: 5 }, () => passes(rates, 'a', NOW_MS + 3_600_000));
  assert.deepEqual(later, [true, true, true, true, false], 'an idle hour saves up no more');
});

test('over any time, a key gets the burst and what its rate gives, and no more', () => {
  const steps = fc.array(fc.nat({ max: 300 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), steps, (perSecond, waits) => {
      const rates = new KeyRates(perSecond);
      let nowMs = NOW_MS;
      let passed = 0;
      for (const wait of waits) {
        nowMs += wait;
        while (passes(rates, 'a', nowMs)) passed += 1;
      }
      const given = perSecond + ((nowMs - NOW_MS) / 1000) * perSecond;
      assert.ok(passed <= given + 1e-6, `${passed} of ${given}`);
    }),
  );
});

test('a clock that is set back gives nothing, and does not stop the key', () => {
  const rates = new KeyRates(1);
  assert.equal(passes(rates, 'a', NOW_MS), true);
  assert.equal(passes(rates, 'a', NOW_MS - 3_600_000), false);
  assert.equal(passes(rates, 'a', NOW_MS - 3_599_000), true);
});
