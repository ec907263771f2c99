import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ApiError } from '../../domain/errors.ts';
import type { Namespace } from '../../domain/namespace.ts';
import { Slices } from './slices.ts';

const [NAMESPACE, OTHER] = ['acct_a/test', 'acct_b/test'] as const;

type Row = { readonly ordinal: number };

/** Rows below a place, each of which takes 2 ms of a time that stands still otherwise: a slice of 5 ms has three. */
function slowRows() {
  let timeMs = 0;
  const db = { open: true };
  const slices = new Slices(db, () => timeMs);
  function* rows(place: number): IterableIterator<Row> {
    for (let ordinal = place - 1; ordinal > 0; ordinal -= 1) {
      timeMs += 2;
      yield { ordinal };
    }
  }
  return { db, slices, rows };
}

test('a long walk sees each row once, and lets others have their turn', async () => {
  const { slices, rows } = slowRows();
  let turns = 0;
  let isDone = false;
  const beside = (async (): Promise<void> => {
    for (; !isDone; turns += 1) await setImmediate();
  })();
  const seen: number[] = [];
  await slices.walk(
    { namespace: NAMESPACE, place: 31 },
    rows,
    ({ ordinal }) => seen.push(ordinal) > 0,
  );
  isDone = true;
  await beside;
  assert.deepEqual(
    seen,
    Array.from({ length: 30 }, (_, n) => 30 - n),
  );
  // Ten slices; one connection is accepted in a turn.
  assert.ok(turns >= 190, `${turns} turns`);
});

test('two walks take one slice each, in turn', async () => {
  const { slices, rows } = slowRows();
  let order = '';
  const walk = async (name: string): Promise<void> => {
    await slices.walk({ namespace: NAMESPACE, place: 7 }, rows, () => (order += name) !== '');
  };
  await Promise.all([walk('a'), walk('b')]);
  assert.equal(order, 'aaabbbaaabbb');
});

test('one of many walks of a namespace holds up a walk of another, not all of them', async () => {
  const { slices, rows } = slowRows();
  let order = '';
  const walk = async (name: string, namespace: Namespace): Promise<void> => {
    await slices.walk({ namespace, place: 4 }, rows, () => (order += name) !== '');
  };
  const ofOne = Array.from('abcdefghij', async (name) => await walk(name, NAMESPACE));
  await Promise.all([...ofOne, walk('X', OTHER)]);
  assert.match(order, /^aaaXXXbbbccc/u);
});

test('eight walks of a namespace are under way, a hundred wait, one more is refused; one of another is not', async () => {
  const { slices, rows } = slowRows();
  const underWay = new Set<number>();
  let most = 0;
  const walk = async (n: number, namespace: Namespace = NAMESPACE): Promise<void> => {
    await slices.walk({ namespace, place: 7 }, rows, ({ ordinal }) => {
      if (namespace === NAMESPACE) underWay.add(n);
      most = Math.max(most, underWay.size);
      return ordinal > 1 || underWay.delete(n);
    });
  };
  const asked = Array.from({ length: 108 }, async (_, n) => await walk(n));
  await assert.rejects(
    walk(108),
    (error: unknown) =>
      error instanceof ApiError && error.reason === 'rate_limit' && error.retryAfterS > 0,
  );
  await Promise.all([...asked, walk(0, OTHER)]);
  assert.equal(most, 8);
  await walk(108);
});

test('a walk ends before its next slice when its caller is gone', async () => {
  const { slices, rows } = slowRows();
  const caller = { isGone: false };
  let seen = 0;
  const walked = slices.walk({ namespace: NAMESPACE, place: 1000, caller }, rows, () => {
    seen += 1;
    caller.isGone = true;
    return true;
  });
  await assert.rejects(walked, /client went away/u);
  assert.equal(seen, 3, 'one slice');
});

test('a walk ends when it has seen enough', async () => {
  const { slices, rows } = slowRows();
  let seen = 0;
  await slices.walk({ namespace: NAMESPACE, place: 1000 }, rows, () => (seen += 1) < 2);
  assert.equal(seen, 2);
});

test('a walk that is under way when the catalog is closed ends with a refusal', async () => {
  const { db, slices, rows } = slowRows();
  const walked = slices.walk(
    { namespace: NAMESPACE, place: 1000 },
    rows,
    ({ ordinal }) => (db.open = ordinal > 900) || true,
  );
  await assert.rejects(
    walked,
    (error: unknown) => error instanceof ApiError && error.reason === 'unavailable',
  );
});
