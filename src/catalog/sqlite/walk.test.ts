/** Against plain arrays: whatever the slices, pages are those of a list that is read whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../domain/errors.ts';
import { NAMESPACE, OTHERS, toPage } from '../contract/fixtures.ts';
import type { Page, PageQuery } from '../catalog.ts';
import { Slices } from './slices.ts';
import { Walks, type WalkSide } from './walk.ts';

type Row = { readonly id: string; readonly ordinal: number; readonly passes: boolean };

/** Ordinals have gaps, as those of one namespace among others have. */
const listOf = (drawn: readonly boolean[]): Row[] =>
  drawn.map((passes, n) => ({ id: `evt_${n}`, ordinal: 3 * n + 2, passes }));

/** `slices` learns of each. */
function sideOf(rows: readonly Row[], isNewer: boolean, slices: number[] = []): WalkSide<Row> {
  const ahead = (from: number): Row[] =>
    isNewer
      ? rows.filter(({ ordinal }) => ordinal > from)
      : rows.filter(({ ordinal }) => ordinal < from).toReversed();
  return {
    edge: (from, count) => ahead(from)[count - 1]?.ordinal,
    match(from, edge, limit) {
      const slice = ahead(from).filter(
        ({ ordinal }) => edge === undefined || (isNewer ? ordinal <= edge : ordinal >= edge),
      );
      slices.push(slice.length);
      return slice.filter(({ passes }) => passes).slice(0, limit);
    },
  };
}

const slices = (): Slices => new Slices({ open: true });

async function pageOf(walks: Walks, rows: readonly Row[], query: PageQuery): Promise<Page<Row>> {
  const toOrdinal = (id: string): number =>
    rows.find((row) => row.id === id)?.ordinal ?? assert.fail(id);
  const sides = { older: sideOf(rows, false), newer: sideOf(rows, true) };
  return await walks.page(NAMESPACE, query, toOrdinal, sides);
}

const drawnRows = fc.array(fc.boolean(), { maxLength: 40 }).map(listOf);
const drawnSizes = fc.record({
  firstRows: fc.integer({ min: 1, max: 5 }),
  sliceRows: fc.integer({ min: 1, max: 5 }),
});

test('as long as a page may go on to the end, it is what a plain array gives', async () => {
  const drawn = [drawnRows, drawnSizes, fc.integer({ min: 1, max: 4 }), fc.nat(45)] as const;
  await fc.assert(
    fc.asyncProperty(...drawn, async (rows, sizes, limit, place) => {
      const walks = new Walks(slices(), { ...sizes, rowsMax: Infinity });
      const cursor = rows[place]?.id;
      for (const query of [
        { limit, startingAfter: cursor },
        { limit, endingBefore: cursor },
      ]) {
        const expected = toPage(rows, ({ passes }) => passes, query);
        assert.deepEqual(await pageOf(walks, rows, query), expected);
      }
    }),
  );
});

test('one that ends after so many rows says so, is not empty, and the next goes on from it', async () => {
  const drawn = [drawnRows, drawnSizes, fc.nat(8), fc.integer({ min: 1, max: 4 })] as const;
  await fc.assert(
    fc.asyncProperty(...drawn, async (rows, sizes, rowsMax, limit) => {
      const walks = new Walks(slices(), { ...sizes, rowsMax });
      const found: string[] = [];
      for (let hasMore = true; hasMore;) {
        const startingAfter = found.at(-1);
        const page = await pageOf(walks, rows, { limit, startingAfter });
        assert.ok(page.data.length <= limit);
        assert.ok(page.data.length > 0 || !page.hasMore);
        found.push(...page.data.map(({ id }) => id));
        ({ hasMore } = page);
      }
      const passing = rows.filter(({ passes }) => passes).map(({ id }) => id);
      assert.deepEqual(found, passing.toReversed());
    }),
  );
});

test('slices are as large as they may be, and of a namespace one long walk goes on at a time', async () => {
  const rows = listOf(Array.from({ length: 95 }, () => false));
  const walks = new Walks(slices(), { firstRows: 10, sliceRows: 20, rowsMax: 1000 });
  const order: string[] = [];
  const walk = async (name: string, namespace = NAMESPACE): Promise<number[]> => {
    const slices: number[] = [];
    const side = sideOf(rows, false, slices);
    const noted: WalkSide<Row> = {
      edge: (...args) => side.edge(...args),
      match(...args) {
        order.push(name);
        return side.match(...args);
      },
    };
    const sides = { older: noted, newer: noted };
    await walks.page(namespace, { limit: 5 }, () => 0, sides);
    return slices;
  };
  const [first] = await Promise.all([walk('a'), walk('b'), walk('c', OTHERS[0])]);
  // What was found in the first ones is not held by those that wait: they begin again.
  assert.deepEqual(first, [10, 20, 20, 20, 20, 15]);
  const ofOne = order.filter((name) => name !== 'c').join('');
  assert.equal(ofOne, `ab${'a'.repeat(5)}${'b'.repeat(5)}`);
});

test('a long walk with a hundred behind it has no room for one more; a page that is full at once does', async () => {
  const none = listOf(Array.from({ length: 9 }, () => false));
  const all = listOf(Array.from({ length: 9 }, () => true));
  const walks = new Walks(slices(), { firstRows: 1, sliceRows: 1, rowsMax: 1000 });
  const asked = Array.from({ length: 101 }, async () => await pageOf(walks, none, { limit: 5 }));
  await assert.rejects(
    pageOf(walks, none, { limit: 5 }),
    (error: unknown) =>
      error instanceof ApiError && error.reason === 'rate_limit' && error.retryAfterS > 0,
  );
  const small = new Walks(slices(), { firstRows: 6, sliceRows: 1, rowsMax: 1000 });
  assert.equal((await pageOf(small, all, { limit: 5 })).data.length, 5);
  await Promise.all(asked);
});

test('a walk that fails holds up none after it', async () => {
  const rows = listOf(Array.from({ length: 9 }, () => false));
  const walks = new Walks(slices(), { firstRows: 1, sliceRows: 1, rowsMax: 1000 });
  const broken = new Error('broken on purpose');
  let calls = 0;
  const failing: WalkSide<Row> = {
    edge: (...args) => sideOf(rows, false).edge(...args),
    match() {
      calls += 1;
      if (calls > 1) throw broken;
      return [];
    },
  };
  const fails = walks.page(NAMESPACE, { limit: 5 }, () => 0, { older: failing, newer: failing });
  const next = pageOf(walks, rows, { limit: 5 });
  await assert.rejects(fails, broken);
  assert.deepEqual(await next, { data: [], hasMore: false });
});
