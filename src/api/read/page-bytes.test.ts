import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fitPage } from './page-bytes.ts';

test('what fits is left as it is', () => {
  const rows = [{ a: 1 }, { a: 2 }];
  for (const hasMore of [false, true]) {
    assert.deepEqual(fitPage({}, rows, hasMore), { rows, hasMore });
    assert.deepEqual(fitPage({ endingBefore: 'x' }, [], hasMore), { rows: [], hasMore });
  }
});

test('a page is filled from its cursor on, and what is left out is still to come', () => {
  const rows = ['aaa', 'bbb', 'ccc'];
  assert.deepEqual(fitPage({}, rows, false, 10), { rows: ['aaa', 'bbb'], hasMore: true });
  assert.deepEqual(fitPage({ endingBefore: undefined }, rows, false, 9), {
    rows: ['aaa'],
    hasMore: true,
  });
  const backwards = fitPage({ endingBefore: 'x' }, rows, false, 10);
  assert.deepEqual(backwards, { rows: ['bbb', 'ccc'], hasMore: true });
});

test('one row is on every page, however long; bytes count, not characters', () => {
  assert.deepEqual(fitPage({}, ['€€€€', 'b'], false, 5), { rows: ['€€€€'], hasMore: true });
  assert.deepEqual(fitPage({}, ['€€', 'b'], false, 10), { rows: ['€€'], hasMore: true });
});

test('page after page, every row comes once and in order, forwards and backwards', () => {
  const row = fc.string({ maxLength: 30 });
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 20 }),
      fc.integer({ min: 1, max: 60 }),
      (rows, bytes) => {
        for (const query of [{}, { endingBefore: 'x' }]) {
          const seen: string[] = [];
          let left: readonly string[] = rows;
          while (left.length > 0) {
            const page = fitPage(query, left, false, bytes);
            assert.equal(page.hasMore, page.rows.length < left.length);
            if ('endingBefore' in query) {
              seen.unshift(...page.rows);
              left = left.slice(0, left.length - page.rows.length);
            } else {
              seen.push(...page.rows);
              left = left.slice(page.rows.length);
            }
          }
          assert.deepEqual(seen, rows);
        }
      },
    ),
  );
});
