import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram } from '../../lib/histogram.ts';
import { Metrics } from './metrics.ts';

async function shown(metrics: Metrics): Promise<string[]> {
  const { body } = await metrics.toPage();
  return body.split('\n').filter((line) => line !== '');
}

test('numbers are read when the page is asked for, not before', async () => {
  const metrics = new Metrics();
  let count = 1;
  metrics.counter('events_total', 'Events.', () => count);
  count = 2;
  assert.deepEqual(await shown(metrics), [
    '# HELP events_total Events.',
    '# TYPE events_total counter',
    'events_total 2',
  ]);
});

test('labels are quoted', async () => {
  const metrics = new Metrics();
  metrics.gauge('held', 'Held.', () => [[{ what: 'a"b\n' }, 3]]);
  assert.equal((await shown(metrics)).at(-1), String.raw`held{what="a\"b\n"} 3`);
});

test('a histogram is shown cumulatively, with sum and count', async () => {
  const metrics = new Metrics();
  const seconds = new Histogram([0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe(value);
  metrics.histogram('wait_seconds', 'Waits.', () => [[{ of: 'x' }, seconds]]);
  assert.deepEqual((await shown(metrics)).slice(1), [
    '# TYPE wait_seconds histogram',
    'wait_seconds_bucket{of="x",le="0.1"} 2',
    'wait_seconds_bucket{of="x",le="1"} 3',
    'wait_seconds_bucket{of="x",le="+Inf"} 4',
    'wait_seconds_sum{of="x"} 7.65',
    'wait_seconds_count{of="x"} 4',
  ]);
});
