import { DAY_MS, HOUR_MS } from './time.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FORMULAS } from './meter.ts';
import { UNITS_PER_ONE } from './quantity.ts';
import { aggregate, summarize, survivors, type SummaryRule, type UsageEvent } from './aggregate.ts';
import { windowMs, windowStartMs } from './windows.ts';

/** Two days around 1970, so that windows fill up, moments collide and negatives are drawn. */
const START_MS = -DAY_MS;
const END_MS = DAY_MS;
const timestampMs = fc.oneof(
  fc.constantFrom(START_MS - 1, START_MS, -1, 0, 1, HOUR_MS - 1, HOUR_MS, END_MS - 1, END_MS),
  fc.integer({ min: START_MS - HOUR_MS, max: END_MS + HOUR_MS }),
);
const events = fc.uniqueArray(
  fc.record({
    timestampMs,
    sequence: fc.integer({ min: 1, max: 1_000 }),
    value: fc.bigInt({ min: -(10n ** 27n), max: 10n ** 27n }),
  }),
  { selector: (event) => event.sequence, maxLength: 40 },
);
/** Events, and the same events in another order. */
const arrivals = events.chain((sent) =>
  fc.tuple(
    fc.constant(sent),
    fc.shuffledSubarray(sent, { minLength: sent.length, maxLength: sent.length }),
  ),
);
const window = fc.constantFrom('hour' as const, 'day' as const);
const optionalWindow = fc.option(window);
const formula = fc.constantFrom(...FORMULAS);
const additive = fc.constantFrom('sum' as const, 'count' as const);

const rule = (over: Partial<SummaryRule>): SummaryRule => ({
  formula: 'sum',
  eventTimeWindow: null,
  groupingWindow: null,
  startMs: START_MS,
  endMs: END_MS,
  ...over,
});
const event = (timestampMs: number, sequence: number, value: bigint): UsageEvent => ({
  timestampMs,
  sequence,
  value,
});
/** The one value of an ungrouped summary; 0 when there is no row. */
const whole = (over: Partial<SummaryRule>, sent: readonly UsageEvent[]): bigint =>
  summarize(rule({ ...over, groupingWindow: null }), sent)[0]?.value ?? 0n;

test('nothing adds up to 0, and an empty summary has no rows', () => {
  for (const f of FORMULAS) assert.equal(aggregate(f, []), 0n);
  assert.deepEqual(summarize(rule({}), []), []);
});

test('sum adds values, count counts events whatever their values, last takes the latest', () => {
  const sent = [event(5, 1, 3n), event(9, 2, -7n), event(2, 3, 1n)];
  assert.equal(aggregate('sum', sent), -3n);
  assert.equal(aggregate('count', sent), 3n * UNITS_PER_ONE);
  assert.equal(aggregate('last', sent), -7n);
});

test('of events at the same moment, the one that arrived last is the last', () => {
  assert.equal(aggregate('last', [event(5, 2, 20n), event(5, 1, 10n), event(4, 3, 30n)]), 20n);
});

test('the order of the list does not matter', () => {
  fc.assert(
    fc.property(
      arrivals,
      formula,
      optionalWindow,
      optionalWindow,
      ([sent, reordered], f, eventTimeWindow, groupingWindow) => {
        assert.equal(aggregate(f, reordered), aggregate(f, sent));
        const how = rule({ formula: f, eventTimeWindow, groupingWindow });
        assert.deepEqual(summarize(how, reordered), summarize(how, sent));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a range split in two adds up to the whole, wherever it is split', () => {
  fc.assert(
    fc.property(events, additive, optionalWindow, timestampMs, (sent, f, eventTimeWindow, at) => {
      const splitMs = Math.min(Math.max(at, START_MS), END_MS);
      const how = { formula: f, eventTimeWindow };
      assert.equal(
        whole({ ...how, endMs: splitMs }, sent) + whole({ ...how, startMs: splitMs }, sent),
        whole(how, sent),
      );
    }),
    { numRuns: 1_000 },
  );
});

test('the grouped values add up to the ungrouped one', () => {
  fc.assert(
    fc.property(
      events,
      additive,
      optionalWindow,
      window,
      (sent, f, eventTimeWindow, groupingWindow) => {
        const rows = summarize(rule({ formula: f, eventTimeWindow, groupingWindow }), sent);
        const total = rows.reduce((sum, row) => sum + row.value, 0n);
        assert.equal(total, whole({ formula: f, eventTimeWindow }, sent));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('the last of the range is the last of its newest window', () => {
  fc.assert(
    fc.property(events, optionalWindow, window, (sent, eventTimeWindow, groupingWindow) => {
      const rows = summarize(rule({ formula: 'last', eventTimeWindow, groupingWindow }), sent);
      assert.equal(rows[0]?.value ?? 0n, whole({ formula: 'last', eventTimeWindow }, sent));
    }),
    { numRuns: 1_000 },
  );
});

test('rows are whole windows with usage, newest first, and hold just the events of their window', () => {
  fc.assert(
    fc.property(events, formula, window, (sent, f, groupingWindow) => {
      const rows = summarize(rule({ formula: f, groupingWindow }), sent);
      const starts = sent
        .filter((e) => START_MS <= e.timestampMs && e.timestampMs < END_MS)
        .map((e) => windowStartMs(groupingWindow, e.timestampMs));
      const expected = [...new Set(starts)].sort((a, b) => b - a);
      assert.deepEqual(
        rows.map((row) => row.startMs),
        expected,
      );
      for (const { startMs, endMs, value } of rows) {
        assert.equal(endMs, startMs + windowMs(groupingWindow));
        assert.equal(value, whole({ formula: f, startMs, endMs }, sent));
      }
    }),
    { numRuns: 1_000 },
  );
});

test('without grouping the one row has the bounds of the range, which holds its start, not its end', () => {
  const sent = [event(9, 1, 1n), event(10, 2, 10n), event(19, 3, 100n), event(20, 4, 1_000n)];
  assert.deepEqual(summarize(rule({ startMs: 10, endMs: 20 }), sent), [
    { startMs: 10, endMs: 20, value: 110n },
  ]);
});

test('in an event time window the event received last survives, whatever its timestamp', () => {
  fc.assert(
    fc.property(events, window, (sent, eventTimeWindow) => {
      const kept = new Set(survivors(sent, eventTimeWindow));
      for (const e of sent) {
        const rivals = sent.filter(
          (other) =>
            windowStartMs(eventTimeWindow, other.timestampMs) ===
            windowStartMs(eventTimeWindow, e.timestampMs),
        );
        assert.equal(kept.has(e), e.sequence === Math.max(...rivals.map((r) => r.sequence)));
      }
      assert.deepEqual(survivors(sent, null), sent);
    }),
    { numRuns: 1_000 },
  );
});

test('an event sent again into the same window replaces the earlier one', () => {
  fc.assert(
    fc.property(events, window, fc.bigInt(), (sent, eventTimeWindow, value) => {
      const first = event(HOUR_MS / 2, 2_000, 5n);
      const again = { ...first, sequence: 2_001, value };
      for (const f of ['sum', 'count'] as const) {
        assert.equal(
          whole({ formula: f, eventTimeWindow }, [...sent, first, again]),
          whole({ formula: f, eventTimeWindow }, [...sent, again]),
        );
      }
      assert.equal(aggregate('sum', survivors([again, first], eventTimeWindow)), value);
    }),
  );
});

test('an event replaced by one outside the range stays replaced', () => {
  const sent = [event(10, 1, 5n), event(50, 2, 7n)];
  const how = rule({ eventTimeWindow: 'hour', startMs: 0, endMs: 40 });
  assert.deepEqual(summarize(how, sent), []);
});
