/** What a store tells of what it has, and how it is given again what it has lost. */
import { DAY_MS } from '../../domain/time.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BlockRows } from '../../journal/journal.ts';
import { toNamespace } from '../../domain/namespace.ts';
import { toDecimal } from '../../domain/quantity.ts';
import { EventColumns } from '../event-columns.ts';
import { withStore, type OpenedUsageStore, type OpenUsageStore } from './contract-store.ts';
import { cancellationRow, rejectionRow } from '../rows.ts';
import type { UsageStore } from '../usage-store.ts';

const NAMESPACE = toNamespace('acct_1', 'test');
const METER = 'mtr_1';
const CUSTOMER = 'cus_1';
const START_MS = 20_000 * DAY_MS;
const nothing = new Uint8Array();
const nothings = { rows: 0, events: nothing, cancellations: nothing, rejections: nothing };

/** What the tests are about; opened again, it is another one. */
type Subject = { opened: OpenedUsageStore; store: UsageStore };

export function accountContract(name: string, open: OpenUsageStore): void {
  describe(`${name} knows what it has`, () => {
    const its = {} as Subject;
    withStore(open, (opened) => Object.assign(its, { opened, store: opened.store }));
    countsWhatItHas(its);
    getsWhatItLacks(its);
    losesWhatIsTwice(its);
  });
}

function countsWhatItHas(its: Subject): void {
  test('an empty store has nothing', async () => {
    assert.deepEqual(await its.store.account.counts(), counts(0, 0, 0));
    assert.equal((await its.store.account.rangeTotals([0])).size, 0);
    assert.deepEqual(await its.store.account.setAside(), []);
  });

  test('counts are of all rows, and ranges of sequences add up to what is in them', async () => {
    await insert(its.store, 'first', rowsOf([1, 2, 3]));
    await insert(its.store, 'second', rowsOf([5, 6], { cancelled: [2], rejected: [4, 7] }));
    assert.deepEqual(await its.store.account.counts(), counts(5, 1, 2));
    const ranges = await its.store.account.rangeTotals([0, 3, 4]);
    assert.deepEqual(ranges.get(0), range([1, 2, 3], 0));
    assert.deepEqual(ranges.get(3), { ...range([], 1) });
    assert.deepEqual(ranges.get(4), range([5, 6], 1));
  });
}

function getsWhatItLacks(its: Subject): void {
  test('only rows that are not there are restored, with their cancellations, and summaries count them', async () => {
    const id = its.store.account.id;
    await its.store.account.restore(rowsOf([6, 8, 9], { cancelled: [2, 8], rejected: [7, 10] }));
    assert.deepEqual(await its.store.account.counts(), counts(7, 2, 3));
    assert.equal(await usage(its.store), BigInt(1 + 3 + 5 + 6 + 9));
    assert.deepEqual(await its.store.account.rebuildRollup(), [], 'the rollup has them too');
    its.store = await its.opened.reopen();
    assert.equal(its.store.account.id, id);
    assert.equal(await usage(its.store), BigInt(1 + 3 + 5 + 6 + 9));
    assert.equal((await its.store.auditor.hours({})).differences, 0);
  });

  test('events in the lines of the first version are restored too, in the form that they have', async () => {
    const { events } = await its.store.account.counts();
    const lines = [14, 15].map((sequence) => {
      const { timestampMs, identifier } = facts(sequence);
      const at = [timestampMs, sequence, START_MS, identifier, String(sequence)];
      return `${JSON.stringify([NAMESPACE, METER, CUSTOMER, ...at, { a: 'b' }])}\n`;
    });
    const rows = { ...nothings, events: Buffer.from(lines.join('')) };
    for (let time = 0; time < 2; time += 1) {
      await its.store.account.restore({ ...rows, eventsFormat: 'JSONCompactEachRow' });
      assert.equal((await its.store.account.counts()).events, events + 2);
    }
    assert.equal(await usage(its.store), BigInt(1 + 3 + 5 + 6 + 9 + 14 + 15));
    assert.equal((await its.store.auditor.hours({})).differences, 0);
  });
}

function losesWhatIsTwice(its: Subject): void {
  test('of what was inserted twice, one of each is left, and what is no copy stays', async () => {
    const before = await its.store.account.counts();
    assert.deepEqual(await its.store.account.dropCopies(0), [], 'there are none');
    const rows = rowsOf([21, 22, 23, 24], { cancelled: [1, 22], rejected: [25] });
    for (const token of ['once', 'twice', 'three times']) await insert(its.store, token, rows);
    assert.deepEqual(
      await its.store.account.dropCopies(20),
      ['events', 'cancellations', 'rejections'],
      'those that had copies',
    );
    const { events, cancellations, rejections } = before;
    const once = counts(events + 4, cancellations + 2, rejections + 1);
    const found = await its.store.account.counts();
    assert.deepEqual(found, { ...once, rolledUp: events + 12 });
    assert.equal((await its.store.account.rebuildRollup()).length, 2, 'months');
    assert.deepEqual(await its.store.account.counts(), once);
    assert.equal(await usage(its.store), BigInt(3 + 5 + 6 + 9 + 14 + 15 + 21 + 23 + 24));
    // The same sequence with another value.
    await insert(its.store, 'strange', { ...nothings, events: eventsOf([24], 7n) });
    assert.deepEqual(await its.store.account.dropCopies(0), []);
    assert.equal((await its.store.account.counts()).events, events + 5);
    its.store = await its.opened.reopen();
    assert.equal((await its.store.auditor.hours({})).differences, 0);
  });
}

function counts(events: number, cancellations: number, rejections: number) {
  return { events, cancellations, rejections, rolledUp: events };
}

function range(sequences: readonly number[], rejections: number) {
  const sum = sequences.reduce((total, sequence) => total + BigInt(sequence), 0n);
  return { events: sequences.length, sequenceSum: sum, valueSum: sum * 10n ** 12n, rejections };
}

async function insert(store: UsageStore, token: string, rows: BlockRows): Promise<void> {
  await store.insert({ token: `account/${token}`, eventsFormat: 'Native', ...rows });
}

async function usage(store: UsageStore): Promise<bigint> {
  const [row] = await store.summarize({
    namespace: NAMESPACE,
    meterId: METER,
    customer: CUSTOMER,
    formula: 'sum',
    eventTimeWindow: null,
    groupingWindow: null,
    startMs: START_MS,
    endMs: START_MS + 90 * DAY_MS,
    order: 'newest_first',
    limit: 2,
  });
  return (row?.value ?? 0n) / 10n ** 12n;
}

/** Events worth their sequence, every second one a month later. */
function rowsOf(
  sequences: readonly number[],
  others: { readonly cancelled?: readonly number[]; readonly rejected?: readonly number[] } = {},
): BlockRows {
  const { cancelled = [], rejected = [] } = others;
  const cancellations = cancelled.map((sequence) =>
    cancellationRow({ ...facts(sequence), sequence, cancelledAtMs: START_MS, requestId: 'req_1' }),
  );
  const rejections = rejected.map((sequence) => {
    const row = rejectionRow({
      ...facts(sequence),
      sequence,
      receivedAtMs: START_MS,
      eventName: 'x',
      sent: '{}',
      code: 'c',
      message: 'm',
      requestId: 'req_1',
    });
    // As the first version wrote it: without its last column.
    return sequence % 2 === 0 ? row.replace(/,0\]\n$/u, ']\n') : row;
  });
  return {
    rows: sequences.length + cancelled.length + rejected.length,
    events: eventsOf(sequences),
    cancellations: Buffer.from(cancellations.join('')),
    rejections: Buffer.from(rejections.join('')),
  };
}

function eventsOf(sequences: readonly number[], factor = 1n): Uint8Array {
  const columns = new EventColumns();
  for (const sequence of sequences) {
    const value = toDecimal(BigInt(sequence) * factor * 10n ** 12n);
    columns.add({ ...facts(sequence), receivedAtMs: START_MS, value, rest: new Map() }, sequence);
  }
  return sequences.length === 0 ? nothing : columns.take();
}

function facts(sequence: number) {
  return {
    namespace: NAMESPACE,
    meterId: METER,
    customer: CUSTOMER,
    timestampMs: START_MS + (sequence % 2) * 40 * DAY_MS + sequence,
    identifier: `event ${sequence}`,
  };
}
