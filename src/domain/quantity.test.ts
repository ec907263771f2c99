import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatInt64,
  formatQuantity,
  parseDecimal,
  parseQuantity,
  toDecimal,
  toQuantity,
  UNITS_PER_ONE,
} from './quantity.ts';
import { cpuMs } from '../../test/support/times.ts';

/** Few digits, many of them zero: leading and trailing zeros are where counting goes wrong. */
const digits = (minLength: number, maxLength: number) =>
  fc
    .array(fc.constantFrom('0', '0', '0', '1', '5', '9'), { minLength, maxLength })
    .map((list) => list.join(''));

const decimal = fc.record({
  sign: fc.constantFrom('', '-'),
  integer: digits(1, 18),
  fraction: fc.option(digits(1, 15), { nil: undefined }),
  exponent: fc.option(fc.integer({ min: -30, max: 30 }), { nil: undefined }),
  exponentSign: fc.constantFrom('', '+'),
  e: fc.constantFrom('e', 'E'),
});
type Decimal = typeof decimal extends fc.Arbitrary<infer T> ? T : never;

function write({ sign, integer, fraction, exponent, exponentSign, e }: Decimal): string {
  const point = fraction === undefined ? '' : `.${fraction}`;
  if (exponent === undefined) return `${sign}${integer}${point}`;
  return `${sign}${integer}${point}${e}${exponent < 0 ? '' : exponentSign}${exponent}`;
}

/** Another way to the same: an exact fraction at a scale finer than any input, then divisibility. */
function oracle({ sign, integer, fraction = '', exponent = 0 }: Decimal): bigint | string {
  const scale = 60;
  const fine = BigInt(integer + fraction) * 10n ** BigInt(scale + exponent - fraction.length);
  if (fine >= 10n ** BigInt(scale + 15)) return 'too_many_digits';
  const finePerUnit = 10n ** BigInt(scale - 12);
  if (fine % finePerUnit !== 0n) return 'too_many_digits';
  return (sign === '-' ? -1n : 1n) * (fine / finePerUnit);
}

const quantity = fc.bigInt({ min: -(10n ** 27n - 1n), max: 10n ** 27n - 1n });

test('a text of the grammar means what exact arithmetic says, or has too many digits', () => {
  fc.assert(
    fc.property(decimal, (parts) => {
      assert.equal(parseQuantity(write(parts)), oracle(parts));
    }),
    { numRuns: 5_000 },
  );
});

test('a text is canonical exactly when it is the one that its quantity is written as', () => {
  fc.assert(
    fc.property(decimal, (parts) => {
      const text = write(parts);
      const read = parseDecimal(text);
      if (typeof read === 'string') return;
      assert.equal(read.canonical, text === formatQuantity(toQuantity(read)), text);
    }),
    { numRuns: 5_000 },
  );
});

test('a quantity within the limits is two parts, and the parts are the quantity', () => {
  fc.assert(
    fc.property(quantity, (value) => {
      const { whole, fraction } = toDecimal(value);
      assert.ok(Number.isSafeInteger(whole) && whole < 1e15);
      assert.ok(Number.isSafeInteger(fraction) && fraction < 1e12);
      assert.equal(toQuantity(toDecimal(value)), value);
    }),
    { numRuns: 2_000 },
  );
});

test('every quantity within the limits survives format, then parse', () => {
  fc.assert(
    fc.property(quantity, (value) => {
      assert.equal(parseQuantity(formatQuantity(value)), value);
    }),
    { numRuns: 2_000 },
  );
});

test('the format is plain digits and the shortest: no exponent, no needless zero or point', () => {
  fc.assert(
    fc.property(fc.oneof(quantity, fc.bigInt()), fc.nat({ max: 30 }), (value, zeros) => {
      const padded = value * 10n ** BigInt(zeros);
      const text = formatQuantity(padded);
      assert.match(text, /^(0|-?(0|[1-9]\d*)(\.\d*[1-9])?)$/);
      assert.notEqual(text, '-0');
      const [integer = '', fraction = ''] = text.split('.');
      assert.equal(BigInt(integer + fraction.padEnd(12, '0')), padded);
    }),
    { numRuns: 2_000 },
  );
});

test('the text decides, not a float', () => {
  assert.equal(parseQuantity('0.1'), UNITS_PER_ONE / 10n);
  assert.equal(parseQuantity('999999999999999.999999999999'), 10n ** 27n - 1n);
  assert.equal(formatQuantity(10n ** 27n - 1n), '999999999999999.999999999999');
  assert.equal(formatQuantity(1n), '0.000000000001');
  assert.equal(formatQuantity(-25n * UNITS_PER_ONE), '-25');
  assert.equal(formatQuantity(0n), '0');
});

const SAME = {
  '1': ['01', '1.0', '1.000000000000000', '0.1e1', '10e-1', '1E0', '1e+0', '1e-0', '1e00', '1e+00'],
  '0': ['-0', '0.0', '00', '0e5', '-0.000e-3', '0e999999999', '0e-999999999', '0.0000000000000000'],
  '-2.5': ['-2.50', '-25e-1', '-0.00025E4', '-002.5'],
  '100000000000000': ['1e14', '1E+14', '0.0000000000001e27', '100000000000000.0'],
  '0.000000000001': ['1e-12', '1000000000000000e-27', '0.0000000000010'],
} satisfies Record<string, string[]>;
for (const [plain, spellings] of Object.entries(SAME)) {
  test(`${plain} has many spellings`, () => {
    for (const spelling of spellings) {
      const value = parseQuantity(spelling);
      assert.equal(typeof value === 'bigint' && formatQuantity(value), plain, spelling);
    }
  });
}

const TOO_MANY_DIGITS = `1000000000000000 1e15 -1e15 0.1e16 1e999999999 1e99999999999999999999
  0.0000000000001 1e-13 -1e-13 1e-999999999 1.0000000000001 5e-99999999999`.split(/\s+/);

test('more than 15 integer or 12 fraction digits is refused, not rounded', () => {
  for (const text of TOO_MANY_DIGITS) assert.equal(parseQuantity(text), 'too_many_digits', text);
});

const NOT_A_NUMBER =
  `- +1 --1 .5 5. -.5 . 1.2.3 1,5 e5 1e 1e+ 1e- 1e1.5 1ee1 0x10 0b1 1n 1_000 1f NaN
  Infinity -Infinity null １ ٣ −1`.split(/\s+/);

test('what is not the grammar is not a number', () => {
  for (const text of NOT_A_NUMBER) assert.equal(parseQuantity(text), 'not_a_number', text);
  for (const space of [' ', '\t', '\n', '\u0000', '\u00a0', '\u2028']) {
    for (const text of [space, `1${space}`, `${space}1`, `1${space}2`]) {
      assert.equal(parseQuantity(text), 'not_a_number', JSON.stringify(text));
    }
  }
  assert.equal(parseQuantity(''), 'not_a_number');
});

test('a text of more than 100 characters is refused, whatever its worth', () => {
  assert.equal(parseQuantity('0'.repeat(100)), 0n);
  assert.equal(parseQuantity('0'.repeat(101)), 'too_many_digits');
  assert.equal(parseQuantity(`1.${'0'.repeat(99)}`), 'too_many_digits');
  assert.equal(parseQuantity(`1e${'9'.repeat(98)}`), 'too_many_digits');
  assert.equal(parseQuantity(`0e${'9'.repeat(98)}`), 0n);
  assert.equal(parseQuantity(`${'1'.repeat(200)}x`), 'not_a_number');
});

test('a whole number is the one at or below, and fits 64 bits', () => {
  const anyUnits = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n });
  const max = 2n ** 63n - 1n;
  fc.assert(
    fc.property(anyUnits, (quantity) => {
      const [integer = '', fraction] = formatQuantity(quantity).split('.');
      const below = BigInt(integer) - (quantity < 0n && fraction !== undefined ? 1n : 0n);
      const fits = below > max ? max : below < -max - 1n ? -max - 1n : below;
      assert.equal(formatInt64(quantity), String(fits));
    }),
  );
  const facts = { '0.5': '0', '100.5': '100', '7': '7', '-0.1': '-1', '-7': '-7', '0': '0' };
  for (const [text, whole] of Object.entries(facts)) {
    assert.equal(formatInt64(parseQuantity(text) as bigint), whole, text);
  }
});

test('reading takes time in proportion to the text', () => {
  const neededMs = cpuMs(() => {
    for (const tail of ['', 'x', '.', 'e', '.5e-', 'e5x'])
      parseQuantity(`${'1'.repeat(2_000_000)}${tail}`);
  });
  // 100 is normal; a quadratic reader would take hours.
  assert.ok(neededMs < 5_000, `${neededMs} ms of CPU`);
});
