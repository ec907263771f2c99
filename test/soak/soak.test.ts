import assert from 'node:assert/strict';
import { platform } from 'node:os';
import { test } from 'node:test';
import { digits } from '../support/decimal.ts';
import { soak } from './soak.ts';
import { Tally, type MeterName } from './tally.ts';
import { leastSquares } from './watch.ts';

const event = (meter: MeterName, timestampS: number, value: string) => {
  return { meter, customer: 'c', identifier: 'one', value, timestampS };
};

test('a tally adds up sums and counts by the minute, and takes cancelled events out', () => {
  const tally = new Tally();
  for (const meter of ['soak_sum', 'soak_count'] as const) {
    for (const timestampS of [0, 59, 60, 119]) tally.add(event(meter, timestampS, '1.5'));
  }
  assert.equal(digits(tally.value('soak_sum', 0, 60)), '3');
  assert.equal(digits(tally.value('soak_sum', 0, 120)), '6');
  assert.equal(digits(tally.value('soak_count', 60, 120)), '2');
  tally.cancel(event('soak_sum', 60, '1.5'));
  tally.cancel(event('soak_count', 60, '1.5'));
  assert.equal(digits(tally.value('soak_sum', 60, 120)), '1.5');
  assert.equal(digits(tally.value('soak_count', 0, 120)), '3');
});

test('a tally’s last is the latest time, and of equal times the later arrival', () => {
  const tally = new Tally();
  for (const [timestampS, value] of [
    [70, '1'],
    [30, '2'],
    [30, '3'],
    [10, '4'],
  ] as const) {
    tally.add(event('soak_last', timestampS, value));
  }
  assert.equal(digits(tally.value('soak_last', 0, 60)), '3');
  assert.equal(digits(tally.value('soak_last', 0, 120)), '1');
  assert.equal(digits(tally.value('soak_last', 120, 180)), '0');
});

test('a tally’s window keeps the last arrival, and counts it where its time stands', () => {
  const tally = new Tally();
  for (const [timestampS, value] of [
    [3500, '1'],
    [100, '2'],
    [3700, '5'],
  ] as const) {
    tally.add(event('soak_window', timestampS, value));
  }
  assert.equal(digits(tally.value('soak_window', 0, 7200)), '7');
  assert.equal(digits(tally.value('soak_window', 60, 120)), '2');
  assert.equal(digits(tally.value('soak_window', 120, 3600)), '0');
});

test('growth is the slope of the line through what was measured', () => {
  assert.equal(leastSquares([1, 2, 3], [10, 12, 14]), 2);
  assert.equal(leastSquares([1, 1], [3, 4]), 0);
});

test('some seconds of mixed load and faults: not one figure differs', async (t) => {
  if (platform() !== 'linux') return t.skip('faults are injected on Linux only');
  const options = { seconds: 20, requestsPerS: 60, faultPauseS: 0.5 };
  const report = await soak(options, new AbortController().signal);
  t.diagnostic(`seed ${report.seed}: ${report.events} events, ${report.faults.all} faults`);
  assert.deepEqual(report.details, []);
  assert.equal(report.differences, 0);
  assert.ok(report.events > 0 && report.audits > 0 && report.faults.all > 0);
});
