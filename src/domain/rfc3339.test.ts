import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatRfc3339, LAST_SECOND, parseRfc3339, parseTime, unitHint } from './rfc3339.ts';

const YEAR_0 = Date.parse('0000-01-01T00:00:00.000Z');
const YEAR_9999 = Date.parse('9999-12-31T23:59:59.999Z');
const anyTime = fc.oneof(
  fc.integer({ min: YEAR_0, max: YEAR_9999 }),
  // Around the ends of days, months and leap years, where a calendar can go wrong.
  fc
    .record({
      year: fc.constantFrom(0, 4, 100, 400, 1600, 1900, 1969, 1970, 1972, 2000, 2023, 2024, 9999),
      month: fc.integer({ min: 0, max: 11 }),
      day: fc.constantFrom(1, 2, 28, 29, 30, 31),
      ms: fc.constantFrom(0, 1, 86_399_999),
    })
    .map(({ year, month, day, ms }) => new Date(0).setUTCFullYear(year, month, day) + ms)
    .filter((time) => time <= YEAR_9999),
);
const offset = fc.record({
  sign: fc.constantFrom('+', '-'),
  hours: fc.integer({ min: 0, max: 23 }),
  minutes: fc.integer({ min: 0, max: 59 }),
});

test('a time is written as JavaScript writes it', () => {
  fc.assert(
    fc.property(anyTime, (time) => {
      assert.equal(formatRfc3339(time), new Date(time).toISOString());
    }),
    { numRuns: 2000 },
  );
});

test('what was written is read as the same time', () => {
  fc.assert(
    fc.property(anyTime, (time) => {
      assert.equal(parseRfc3339(new Date(time).toISOString()), time);
      assert.equal(parseRfc3339(new Date(time).toISOString().toLowerCase()), time);
    }),
    { numRuns: 2000 },
  );
});

test('an offset says how far local time is ahead', () => {
  fc.assert(
    fc.property(anyTime, offset, (time, { sign, hours, minutes }) => {
      const two = (value: number): string => String(value).padStart(2, '0');
      const local = new Date(time).toISOString().replace('Z', '');
      const offsetMs = (hours * 60 + minutes) * 60_000 * (sign === '+' ? 1 : -1);
      const text = `${local}${sign}${two(hours)}:${two(minutes)}`;
      assert.equal(parseRfc3339(text), time - offsetMs);
    }),
  );
});

test('any number of digits of a second are read; those past the millisecond are cut', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), minLength: 1, maxLength: 30 }),
      fc.constantFrom('Z', '+05:30', '-00:00'),
      (digits, zone) => {
        const whole = parseRfc3339(`2024-02-29T23:59:59${zone}`) ?? NaN;
        const expected = whole + Number(digits.padEnd(3, '0').slice(0, 3));
        assert.equal(parseRfc3339(`2024-02-29T23:59:59.${digits}${zone}`), expected);
      },
    ),
  );
  assert.equal(parseRfc3339('1969-12-31T23:59:59.9999Z'), -1, 'cut, also before 1970');
});

/** Written anew as a pattern: what RFC 3339 allows, but for the length of months. */
const GRAMMAR =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/u;

function isTime(text: string): boolean {
  if (!GRAMMAR.test(text)) return false;
  const [year, month, day] = text.slice(0, 10).split('-').map(Number) as [number, number, number];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCDate() === day;
}

test('what is changed in one place is a time exactly when the grammar says so', () => {
  const original = fc.constantFrom(
    '2024-02-29T23:59:59Z',
    '2023-12-31T00:00:00.5Z',
    '1900-02-28t12:30:00.123456+05:45',
    '2000-10-10T10:10:10-23:59',
  );
  const char = fc.constantFrom(...'0123456789TtZz:-+. /eN\u0000٣３'.split(''));
  fc.assert(
    fc.property(original, fc.nat(40), fc.nat(2), char, (text, at, removed, added) => {
      const place = at % (text.length + 1);
      for (const changed of [
        text.slice(0, place) + added + text.slice(place + removed),
        text.slice(0, place) + text.slice(place + removed),
      ]) {
        assert.equal(parseRfc3339(changed) !== undefined, isTime(changed), changed);
      }
    }),
    { numRuns: 20_000 },
  );
});

test('what is not a time is refused', () => {
  for (const text of [
    '',
    'now',
    '1717243200',
    '2024-06-01',
    '2024-06-01T12:00:00',
    '2024-06-01T12:00Z',
    '2024-06-01 12:00:00Z',
    '2024-06-01T12:00:00.Z',
    '2024-06-01T12:00:00,5Z',
    '2024-06-01T12:00:00+0000',
    '2024-06-01T12:00:00+00',
    '2024-06-01T12:00:00+24:00',
    '2024-06-01T12:00:00+00:60',
    '2024-06-01T12:00:00Z ',
    ' 2024-06-01T12:00:00Z',
    '2024-06-01T12:00:00ZZ',
    '2024-06-01T24:00:00Z',
    '2024-06-01T12:60:00Z',
    '2016-12-31T23:59:60Z',
    '2024-00-01T12:00:00Z',
    '2024-13-01T12:00:00Z',
    '2024-06-00T12:00:00Z',
    '2024-06-31T12:00:00Z',
    '2023-02-29T12:00:00Z',
    '1900-02-29T12:00:00Z',
    '+002024-06-01T12:00:00Z',
    '-2024-06-01T12:00:00Z',
    '20240601T120000Z',
    '2024-W22-6T12:00:00Z',
    '2024-6-1T12:00:00Z',
    'YYYY-MM-DDTHH:MM:SSZ',
  ]) {
    assert.equal(parseRfc3339(text), undefined, text);
  }
});

test('whole Unix seconds are a time too, as a number or in digits', () => {
  for (const seconds of [0, 1, -1, 1_795_833_000, -62_167_219_200, 9_007_199_254_740]) {
    assert.equal(parseTime(seconds), seconds * 1000);
    assert.equal(parseTime(String(seconds)), seconds * 1000);
  }
  assert.equal(parseTime('2024-06-01T12:00:00Z'), Date.UTC(2024, 5, 1, 12));
  assert.equal(Object.is(parseTime('-0'), 0), true);
  for (const none of [1.5, NaN, Infinity, 9_007_199_254_741, -9_007_199_254_741, 1e21]) {
    assert.equal(parseTime(none), undefined);
    assert.equal(parseTime(String(none)), undefined);
  }
  for (const none of ['', '-', '+1', ' 1', '1 ', '1.0', '1e9', '0x1', '١', '12345678901234']) {
    assert.equal(parseTime(none), undefined, none);
  }
});

test('seconds past the year 9999 look like another unit', () => {
  assert.equal(unitHint(LAST_SECOND), '');
  assert.match(unitHint(LAST_SECOND + 1), /looks like milliseconds/u);
  assert.match(unitHint(1_795_833_000_000), /^ 1795833000000 looks like milliseconds: /u);
  assert.match(unitHint(1_795_833_000_000_000), /looks like microseconds/u);
  const nanoseconds = '1795833000123456789';
  assert.equal(
    unitHint(Number(nanoseconds), nanoseconds),
    ` ${nanoseconds} looks like nanoseconds: send whole seconds.`,
  );
  assert.equal(unitHint(1e30), '');
  assert.equal(unitHint(NaN), '');
});
