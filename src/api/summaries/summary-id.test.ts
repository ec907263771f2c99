import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newMeterId } from '../../lib/ids.ts';
import type { Namespace } from '../../domain/namespace.ts';
import { parseSummaryId, toSummaryId, type SummaryName } from './summary-id.ts';

const LIVE: Namespace = 'acct_1/live';
const TEST: Namespace = 'acct_1/test';

const name: fc.Arbitrary<SummaryName> = fc.record(
  {
    meterId: fc.constantFrom('mtr_1', 'mtr_test_2'),
    customer: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    startTimeS: fc.integer({ min: 0, max: 253_402_300_799 }),
    endTimeS: fc.integer({ min: 0, max: 253_402_300_799 }),
  },
  { noNullPrototype: true },
);
const namespace = fc.constantFrom(LIVE, TEST);

test('an id tells the summary that it was made for', () => {
  fc.assert(
    fc.property(namespace, name, (where, summary) => {
      assert.deepEqual(parseSummaryId(where, toSummaryId(where, summary)), summary);
    }),
  );
});

test('different summaries have different ids', () => {
  fc.assert(
    fc.property(name, name, (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      assert.equal(toSummaryId(TEST, a) === toSummaryId(TEST, b), same);
    }),
  );
});

test('an id says its mode, and is none in the other mode', () => {
  fc.assert(
    fc.property(name, (summary) => {
      const [live, sandbox] = [toSummaryId(LIVE, summary), toSummaryId(TEST, summary)];
      assert.match(live, /^mtrusg_(?!test_)/);
      assert.match(sandbox, /^mtrusg_test_/);
      assert.equal(parseSummaryId(TEST, live), undefined);
      assert.equal(parseSummaryId(LIVE, sandbox), undefined);
    }),
  );
});

test('an id that was changed in any way is none, or another one that could have been made', () => {
  const edit = fc.record({
    at: fc.nat(),
    remove: fc.nat({ max: 2 }),
    insert: fc.string({ unit: fc.constantFrom('a', 'A', '0', '-', '_', '+', '/', '=', ' ', 'é') }),
  });
  fc.assert(
    fc.property(namespace, name, edit, (where, summary, { at, remove, insert }) => {
      const id = toSummaryId(where, summary);
      const cut = at % (id.length + 1);
      const edited = id.slice(0, cut) + insert + id.slice(cut + remove);
      const parsed = parseSummaryId(where, edited);
      if (parsed !== undefined) assert.equal(toSummaryId(where, parsed), edited);
    }),
    { numRuns: 2000 },
  );
});

test('what holds other things than two texts and two whole numbers is none', () => {
  for (const parts of [
    [],
    ['mtr_1'],
    ['mtr_1', 'cus_1', 0],
    ['mtr_1', 'cus_1', 0, 1.5],
    ['mtr_1', 'cus_1', '0', 60],
    [1, 'cus_1', 0, 60],
    ['mtr_1', 'cus_1', 0, 60, 0],
    ['mtr_1', 'cus_1', 0, 2 ** 53],
    { 0: 'mtr_1', 1: 'cus_1', 2: 0, 3: 60 },
    'mtr_1',
    null,
  ]) {
    const id = `mtrusg_test_${Buffer.from(JSON.stringify(parts)).toString('base64url')}`;
    assert.equal(parseSummaryId(TEST, id), undefined, JSON.stringify(parts));
  }
  for (const id of ['', 'mtrusg_test_', 'mtrusg_', 'mtr_1', 'mtrusg_test_%%%']) {
    assert.equal(parseSummaryId(TEST, id), undefined, id);
  }
});

test('the longest id that can be given out fits into a cursor', () => {
  const id = toSummaryId(TEST, {
    meterId: newMeterId('test'),
    // Six characters each in JSON: the longest that a customer of 100 can become.
    customer: '\u0001'.repeat(100),
    startTimeS: 253_402_300_740,
    endTimeS: 253_402_300_799,
  });
  assert.ok(id.length <= 1000);
});
