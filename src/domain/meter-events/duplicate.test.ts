import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatQuantity, parseDecimal, toQuantity } from '../quantity.ts';
import { describeDuplicate, differencesOf, type MeasuredEvent } from './duplicate.ts';
import { measure, restOf } from './measure.ts';

const NOW_MS = 1_800_000_000_000;
const SUM = aMeter({});
const COUNT = aMeter({ formula: 'count' });

function aMeter(given: Partial<MeasuredEvent['meter']>): MeasuredEvent['meter'] {
  return {
    id: 'mtr_1',
    eventName: 'rides',
    customerKey: 'who',
    valueKey: 'miles',
    formula: 'sum',
    ...given,
  };
}

/** As the meter reads what was sent. */
function sent(
  meter: MeasuredEvent['meter'],
  payload: Readonly<Record<string, string>>,
  timestampMs = NOW_MS,
): MeasuredEvent {
  const all = new Map(Object.entries(payload));
  const measured = measure(meter, all.get(meter.customerKey), all.get(meter.valueKey));
  assert.ok(!('code' in measured), JSON.stringify(measured));
  const { customer, value } = measured;
  const rest = restOf(meter, all, measured);
  return { meter, event: { customer, value: toQuantity(value), rest, timestampMs } };
}

function names(first: MeasuredEvent, second: MeasuredEvent, timestampIsSent = true): string[] {
  return differencesOf(first, second, timestampIsSent).map(({ what }) => what);
}

const RIDE = { who: 'cus_1', miles: '1.5', zone: 'eu' };

test('the same content: keys in any order, the value as a decimal', () => {
  assert.deepEqual(names(sent(SUM, RIDE), sent(SUM, RIDE)), []);
  const inAnotherOrder = { zone: 'eu', miles: '1.5', who: 'cus_1' };
  assert.deepEqual(names(sent(SUM, RIDE), sent(SUM, inAnotherOrder)), []);
  for (const miles of ['1.50', '01.5', '15e-1']) {
    assert.deepEqual(names(sent(SUM, RIDE), sent(SUM, { ...RIDE, miles })), []);
    assert.deepEqual(names(sent(SUM, { ...RIDE, miles }), sent(SUM, RIDE)), []);
  }
});

test('each part that differs is named, with both of its texts', () => {
  const other = aMeter({ id: 'mtr_2', eventName: 'trips' });
  const second = sent(other, { who: 'cus_2', miles: '2', seat: 'a' }, NOW_MS + 1);
  assert.deepEqual(differencesOf(sent(SUM, RIDE), second, true), [
    { what: 'meter', first: 'rides (mtr_1)', second: 'trips (mtr_2)' },
    { what: 'customer', first: 'cus_1', second: 'cus_2' },
    { what: 'value', first: '1.5', second: '2' },
    { what: 'payload[zone]', first: 'eu', second: undefined },
    { what: 'payload[seat]', first: undefined, second: 'a' },
    { what: 'timestamp', first: '2027-01-15T08:00:00.000Z', second: '2027-01-15T08:00:00.001Z' },
  ]);
});

test('a timestamp that was not sent says nothing', () => {
  const later = sent(SUM, RIDE, NOW_MS + 60_000);
  assert.deepEqual(names(sent(SUM, RIDE), later, false), []);
  assert.deepEqual(names(sent(SUM, RIDE), later, true), ['timestamp']);
});

test('what a counting meter ignores is compared as a text', () => {
  assert.deepEqual(names(sent(COUNT, RIDE), sent(COUNT, { ...RIDE, miles: '1.50' })), [
    'payload[miles]',
  ]);
});

test('one payload on two meters with keys of their own differs in the meter alone', () => {
  const both = { who: 'cus_1', input: '5', output: '7' };
  const first = sent(aMeter({ valueKey: 'input' }), both);
  const second = sent(aMeter({ id: 'mtr_2', valueKey: 'output' }), both);
  assert.deepEqual(names(first, second), ['meter']);
  const byCount = sent(aMeter({ id: 'mtr_3', formula: 'count', customerKey: 'input' }), both);
  assert.deepEqual(names(first, byCount), ['meter']);
});

test('content is equal if and only if each part is', () => {
  const payload = fc.record({
    who: fc.constantFrom('a', 'b'),
    miles: fc.constantFrom('1', '1.0', '2', '-1'),
    zone: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
  });
  const event = fc.record({
    meter: fc.constantFrom(SUM, COUNT, aMeter({ formula: 'last' }), aMeter({ id: 'mtr_2' })),
    payload,
    timestampMs: fc.constantFrom(NOW_MS, NOW_MS + 1),
  });
  fc.assert(
    fc.property(event, event, fc.boolean(), (first, second, timestampIsSent) => {
      const read = ({ meter, payload: given, timestampMs }: typeof first) =>
        sent(meter, JSON.parse(JSON.stringify(given)) as Record<string, string>, timestampMs);
      const value = ({ meter, payload: { miles } }: typeof first): string => {
        const decimal = parseDecimal(miles);
        const isText = meter.formula === 'count' || typeof decimal === 'string';
        return isText ? miles : formatQuantity(toQuantity(decimal));
      };
      const isEqual =
        first.meter.id === second.meter.id &&
        first.payload.who === second.payload.who &&
        first.payload.zone === second.payload.zone &&
        value(first) === value(second) &&
        (!timestampIsSent || first.timestampMs === second.timestampMs);
      fc.pre(first.meter.id !== second.meter.id || first.meter.formula === second.meter.formula);
      const differences = differencesOf(read(first), read(second), timestampIsSent);
      assert.equal(differences.length === 0, isEqual);
    }),
  );
});

test('a refusal tells what differs, and the texts only to those who may read them', () => {
  const first = { identifier: 'x', meter: SUM, receivedAtMs: NOW_MS };
  const differences = differencesOf(
    sent(SUM, RIDE),
    sent(SUM, { who: 'cus_2', miles: '1.5' }),
    true,
  );
  const begin =
    'An event already exists with identifier x. It is on meter "rides" (mtr_1), received at 2027-01-15T08:00:00.000Z; this one ';
  assert.equal(
    describeDuplicate(first, differences, true),
    `${begin}differs in customer ("cus_1", here "cus_2") and payload[zone] ("eu", here absent).`,
  );
  assert.equal(
    describeDuplicate(first, differences, false),
    `${begin}differs in customer and payload[zone].`,
  );
  assert.equal(describeDuplicate(first, [], true), `${begin}has the same content.`);
  assert.match(
    describeDuplicate({ ...first, cancelledAtMs: NOW_MS + 1000 }, [], true),
    /It was cancelled at 2027-01-15T08:00:01\.000Z/u,
  );
});

test('of many differences some are told, and how many more there are', () => {
  const many = Object.fromEntries(
    Array.from({ length: 90 }, (_, n) => [`key${n}`, 'x'.repeat(100)]),
  );
  const differences = differencesOf(sent(SUM, RIDE), sent(SUM, { ...RIDE, ...many }), true);
  assert.equal(differences.length, 90);
  const text = describeDuplicate({ identifier: 'x', meter: SUM }, differences, true);
  assert.match(text, /and 82 more\.$/u);
});
